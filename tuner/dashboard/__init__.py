"""optuna-dashboard on a study's storage, safe to leave open."""
