"""The optimiser's parameter groups and the learning-rate schedule."""
