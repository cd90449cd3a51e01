"""What stands after `app.py`: options, bad usage, and the commands whose work is in `gateway/commands/`.

Loads click alone: a command loads what it needs when it runs.
"""
