"""Data: from the source that a study file names to encoded splits."""

from tuner.training.data.labels import map_labels
from tuner.training.data.loading import load_rows
from tuner.training.data.splitting import make_splits

__all__ = ["load_rows", "make_splits", "map_labels"]
