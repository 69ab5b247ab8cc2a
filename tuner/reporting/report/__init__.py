"""A report of a study: one file that can be read without tuner, its database or a network."""
