"""Fine-tuning of one trial. torch and transformers live here; Optuna and the database are unknown here."""
