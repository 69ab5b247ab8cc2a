"""The colours of the states of trials in a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from storage import TrialState

STATE_STYLES: Mapping[str, str] = {
    TrialState.RUNNING: "bold",
    TrialState.COMPLETE: "green",
    TrialState.PRUNED: "yellow",
    TrialState.FAILED: "red",
    TrialState.INTERRUPTED: "magenta",
    TrialState.PAUSED: "cyan",
    TrialState.SHELVED: "blue",
}
