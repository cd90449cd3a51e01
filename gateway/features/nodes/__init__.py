"""Owns the nodes: who can carry work out, what each can do, when it was last heard of.

Does not own what they run: the queue hands that out, the tasks room records it.
"""
