"""Owns limits: on requests and streams in front of every route, and on what model calls may spend.

Does not own the slowing down of guesses, sizes of bodies (core), or a task's share of the queue (tasks).
"""
