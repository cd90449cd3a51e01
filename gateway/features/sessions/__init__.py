"""Owns sessions, the folders that runs and tasks belong to, to any depth; and the transcripts of sessions and runs.

Does not own the runs and tasks in them: those rooms stand above and refer to sessions.
"""
