"""Owns users, sign-in, sessions and API tokens.

Does not own what a user may do: that is `core.policy` and the access room.
"""
