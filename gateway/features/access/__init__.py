"""Owns who may do what: groups with their members, roles, role bindings, policy rules, and the rights they add up to.

Does not own users, whom it knows by id only, nor the decision itself: that is `gateway.core.policy`.
"""
