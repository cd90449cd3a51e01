"""Owns background processes in the sandbox of a run: what was wished for, what they read and wrote, how they ended.

Does not own the sandbox or the workspace: the node that has the run starts them there, and they end with it.
"""
