"""What goes past SQLAlchemy straight to the driver, and commits that many share: what every request and task needs."""
