"""Readers of files, one kind of file a module. Each returns `FileRows`."""
