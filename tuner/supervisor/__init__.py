"""The supervisor: runs a study's trials on this machine."""
