"""Owns tasks: what a user asked for, their states, dependencies, history and results.

Does not own how work is carried out: runs and jobs record it, nodes do it.
"""
