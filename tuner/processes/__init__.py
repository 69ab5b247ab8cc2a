"""The processes that train, the server that forks them, and the pipe between a trainer and its supervisor."""
