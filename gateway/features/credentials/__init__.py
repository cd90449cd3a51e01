"""Owns credentials – secrets for model providers and other services outside – and the master keys that wrap them.

Does not own what they are used for: other rooms name a credential by its id.
"""
