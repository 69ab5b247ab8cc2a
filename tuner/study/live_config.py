"""The configuration of a study that runs, as people have last edited it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig


class LiveConfig:
    """Holds a study's configuration for all parts of a supervisor, so that an edit reaches all of them.

    Read `current` at each use and keep no copy. Only the supervisor's main thread replaces it; any thread may read.

    Args:
        config: The configuration at the start of the run.
    """

    def __init__(self, config: StudyConfig) -> None:
        self._current = config

    @property
    def current(self) -> StudyConfig:
        """The configuration as it is now."""
        return self._current

    def edit(self, config: StudyConfig) -> None:
        """Go on with a configuration that differs in keys that may be edited (`tuner.study.config.EDITABLE`)."""
        self._current = config
