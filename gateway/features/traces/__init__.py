"""Owns the view of runs as a whole: why one happened and what came of it, running one again, comparing two.

Does not own what it shows: rooms publish causes and effects in their `traces.py`; the rest is read from their services.
"""
