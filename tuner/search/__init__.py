"""The search. Of tuner, only this package imports Optuna."""
