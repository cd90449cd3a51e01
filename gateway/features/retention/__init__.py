"""Owns retention policies: what is kept, how long, how much of it, and the purges that follow from that.

Does not own what is purged: each room publishes its sorts in its `purges.py` and deletes them itself.
"""
