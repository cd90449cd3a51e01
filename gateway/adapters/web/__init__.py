"""Reading the web for a model: pages fetched by the guarded client, and their text as Markdown."""
