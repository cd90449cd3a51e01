"""Owns which models the caller may use, as the nodes report them.

Does not own calling them: nodes do that through the provider adapters.
"""
