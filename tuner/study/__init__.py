"""A study: its file, its configuration, and what its trials need on this machine."""
