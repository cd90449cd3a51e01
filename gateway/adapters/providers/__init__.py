"""Model providers: where chat completions come from. Start at `registry.py`; the contract is in `base.py`."""
