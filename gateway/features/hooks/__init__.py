"""Owns hooks: what the world may post to the gateway, how it proves itself, and what comes of it.

Does not own what a hook makes: tasks, messages and events are made by their rooms, in the name of the hook's owner.
"""
