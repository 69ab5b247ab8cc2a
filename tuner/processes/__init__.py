"""The processes that train, and the pipe between them and their supervisor."""
