"""Agents: answers to prompts, what is checked of them, and what from outside had a say in them.

Tasks and runs themselves are the tasks' room.
"""
