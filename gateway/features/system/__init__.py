"""Owns what the gateway says about itself: health, readiness, metrics, capabilities.

Does not own any state of its own; it reads other rooms through their services.
"""
