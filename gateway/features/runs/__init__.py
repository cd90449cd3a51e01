"""Owns runs (each attempt to carry work out), their jobs (dispatched units) and their logs.

Does not own what the work is: the tasks room does, and tells runs when to begin and end.
"""
