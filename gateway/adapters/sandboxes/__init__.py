"""Sandboxes: where the user's code runs. Owns isolation, limits and the workspace handed in and out.

Does not own what is run, nor what becomes of the output: the caller gets bytes and an outcome.
"""
