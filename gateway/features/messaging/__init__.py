"""Owns destinations, subscriptions to events, and deliveries with their attempts.

Does not own events, nor how a kind of destination is reached: that is an adapter's.
"""
