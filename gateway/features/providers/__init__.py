"""Owns the model servers that somebody has added, and which models the caller may use, as the nodes report them.

Does not own calling them: nodes do that through the provider adapters. Their keys are credentials.
"""
