"""The database's server and its schema: the embedded server's life, newer versions of both, the rows as a file."""
