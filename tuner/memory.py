"""Lets a study's own training recognise an error that says that memory ran out."""

from tuner.machine.memory import is_out_of_memory

__all__ = ["is_out_of_memory"]
