"""Programs that are forked from a process which has imported all that they import, instead of importing it each."""

from nursery.nursery import COMMAND, DATABASE, Forked, Nursery

__all__ = ["COMMAND", "DATABASE", "Forked", "Nursery"]
