"""How this machine differs from the one on which a study was created."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.study.config import StudyConfig


@dataclass(frozen=True, kw_only=True)
class MachineOverrides:
    """How this machine differs from the one on which a study was created, and which risks its user has accepted."""

    #: The data source on this machine, as a study file would name it; None where the study's own is right.
    data: str | None = None
    #: The model on this machine, as a study file would name it; None where the study's own is right.
    model: str | None = None
    #: Folder of the study file on this machine, whose modules trials can import; None without a study file.
    folder: str | None = None
    #: Whether library versions may differ from those that the study was created with.
    any_versions: bool = False
    #: Whether CMA-ES may unpickle its state from a database that other users can write to.
    allow_pickle: bool = False
    #: Whether code that comes with the study's model may run.
    trust_remote_code: bool = False

    def applied(self, config: StudyConfig) -> StudyConfig:
        """Return a configuration in which the data source and the model are those of this machine."""
        if self.model is not None:
            config = config.model_copy(update={"model": self.model})
        if self.data is not None and config.data is not None:
            config = config.model_copy(update={"data": config.data.model_copy(update={"source": self.data})})
        return config
