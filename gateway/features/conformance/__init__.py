"""Owns the conformance lab: what common clients send, and how the answers of the gateway's own routes are judged.

Does not own those routes: it asks them as anybody does, with its caller's rights, and keeps nothing.
"""
