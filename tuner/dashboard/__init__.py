"""optuna-dashboard on a study's database, behind a guard that makes it safe to leave open."""
