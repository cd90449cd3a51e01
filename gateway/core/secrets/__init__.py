"""Keys, and what is sealed with them; and the secrets in text, which are taken out of it."""
