"""Owns the routes that speak OpenAI's protocol, and passing completions on to the models' servers.

Does not own models and providers, threads and their messages, or the agent: it puts them in order for one request.
"""
