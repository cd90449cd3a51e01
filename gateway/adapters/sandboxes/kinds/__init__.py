"""The kinds of sandbox, one module each; a kind never imports another."""
