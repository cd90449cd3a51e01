"""One room per capability; the registry lists them."""
