"""Owns schedules: when work is due, what it is, and what came of every planned time.

Does not own the work: what is due becomes a task of its owner's.
"""
