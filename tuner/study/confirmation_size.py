"""How large a confirmation is, unless the user says otherwise. Imports nothing, as every command's help names it."""

from __future__ import annotations

#: Leaders beside trial 0, and seeds of each.
TOP, SEEDS = 3, 3
