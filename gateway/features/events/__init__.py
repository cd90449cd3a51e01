"""Owns reading the event log: lists, Server-Sent Events, the WebSocket, and the fan-out behind them.

Does not own writing it: every room emits through its unit of work (`core.events`).
"""
