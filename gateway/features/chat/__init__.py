"""Owns chat threads and their messages: what was said, in which order, on which branch.

Does not own models or answers: whoever asks a model opens a turn here before and closes it after.
"""
