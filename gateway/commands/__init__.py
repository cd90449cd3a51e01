"""What `app.py` does besides serving: accounts and tokens, local models, the doctor; one module for each."""
