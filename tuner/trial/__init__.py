"""The seam between a supervisor and training: what a trial is given, and what it gives back."""
