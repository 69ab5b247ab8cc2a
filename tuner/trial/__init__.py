"""The seam between supervisor and training: the values that a trial takes, and those that it returns."""
