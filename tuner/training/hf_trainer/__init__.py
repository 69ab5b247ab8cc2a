"""Trainers of transformers, and of libraries that extend them, as the training of a study's trials."""
