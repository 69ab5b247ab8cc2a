"""The names of the tasks."""

from __future__ import annotations

TASKS = ("text-classification", "image-classification")
