"""What a question to llama.cpp says besides what every server understands."""

TELLS_HOW_FAR = {"return_progress": True}
"""Asked for a stream, it then says how far it has read; only by this does it notice that nobody waits any more."""
