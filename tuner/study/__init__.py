"""A study: its file, its configuration, and the preparation of this machine for its trials."""
