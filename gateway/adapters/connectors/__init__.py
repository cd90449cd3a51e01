"""What connectors are made of: the contract of every kind, the guarded ways out, the kinds themselves."""
