"""The service: searches the hyperparameters of fine-tuning."""
