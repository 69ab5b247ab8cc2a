"""Secrets: the files and variables that they come from, and how they are kept out of messages and logs."""
