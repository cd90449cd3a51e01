"""Owns connectors: what reaches services outside, their credentials, and every operation that was asked for.

Does not own how a service is spoken to: that is a kind of `gateway.adapters.connectors`.
"""
