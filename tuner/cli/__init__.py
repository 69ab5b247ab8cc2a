"""The command line: one command a file.

Heavy imports are inside the bodies of the commands. `main` turns errors into messages and exit codes.
"""
