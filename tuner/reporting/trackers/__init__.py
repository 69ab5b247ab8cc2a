"""Trackers: what a study's trials report to other programs, one run a trial. One tracker a file."""
