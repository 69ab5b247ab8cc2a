"""The service that searches hyperparameters for fine-tuning."""
