"""Owns projects: the folders that tasks, runs and artifacts lie in.

Does not own who may see a project: that is the access room.
"""
