"""Owns the Model Context Protocol: its messages, and which routes are its tools, resources and prompts.

Does not own what a tool does: each is a route of another room, with the rules, limits and record of that.
"""
