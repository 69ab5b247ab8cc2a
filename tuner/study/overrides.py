"""What is otherwise on this machine than where a study was created."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.study.config import StudyConfig


@dataclass(frozen=True, kw_only=True)
class MachineOverrides:
    """What is otherwise on this machine than where the study was created, and what a study may do here."""

    #: Data source and model, as the study file would name them here.
    data: str | None = None
    model: str | None = None
    #: Whether the libraries may be of other versions.
    any_versions: bool = False
    #: Whether CMA-ES may unpickle what others can write to the database.
    allow_pickle: bool = False
    #: Whether code that the study's model brings along may run.
    trust_remote_code: bool = False

    def applied(self, config: StudyConfig) -> StudyConfig:
        """Return a configuration with the places of this machine."""
        if self.model is not None:
            config = config.model_copy(update={"model": self.model})
        if self.data is not None and config.data is not None:
            config = config.model_copy(update={"data": config.data.model_copy(update={"source": self.data})})
        return config
