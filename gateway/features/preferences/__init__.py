"""Owns preferences: entries at five scopes with their history, what of them counts for a task, and what they forbid.

Does not own operator settings, nor the policy: an access rule denies whatever any preference says.
"""
