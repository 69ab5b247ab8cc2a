"""The search: all that knows Optuna."""
