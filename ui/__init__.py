"""The console: page shells and their assets, and the native window.

A client of the public API and nothing else; it never imports the gateway.
"""
