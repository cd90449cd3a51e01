"""What comes in kinds (sandboxes, providers, connectors, destinations), each behind one small interface.

Adapters get plain values and never rows; they know nothing of rooms, the database or the web.
"""
