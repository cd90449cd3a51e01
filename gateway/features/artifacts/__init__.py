"""Owns artifacts: uploaded and produced files, stored once by content beside the database.

Does not own workspaces: the sandbox adapters lay inputs into them and collect outputs.
"""
