"""What the commands do, one verb a file."""
