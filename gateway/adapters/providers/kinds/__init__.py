"""One module per kind of provider; kinds never import each other."""
