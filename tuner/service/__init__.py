"""The work of the commands, one verb a file."""
