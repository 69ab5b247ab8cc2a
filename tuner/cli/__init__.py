"""The command line: one command a file, heavy imports inside the bodies, errors turned into messages in `main`."""
