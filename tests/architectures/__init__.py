"""A sweep over every architecture that transformers classifies texts or images with, judged by plain torch."""
