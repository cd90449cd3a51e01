"""The built-in local model: its catalogue, its download, and the llama.cpp server process that serves it."""
