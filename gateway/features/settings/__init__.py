"""Owns the operator's settings: which there are, their values, and how the processes learn of a change.

Does not own what a process must know before it has a database: that is `gateway.core.config`.
"""
