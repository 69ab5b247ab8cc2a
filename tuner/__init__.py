"""The service: studies are started, run on machines, watched and ended.

The rooms, from the top; each knows those below it:

    cli           one command a file
    service       one verb a file
    engines       not built yet: start `tuner worker` on other machines (Ray, Slurm, Kubernetes)
    supervisor    runs trials on this machine            dashboard    optuna-dashboard, guarded
    reporting     what people and programs are shown
    search        samplers, pruners: all of Optuna       training     torch, in trainer processes
    study         the study file, and what a study needs here
    processes     the fork server and trainers
    trial         the seam between supervisor and training
    machine       devices, memory, disk                  security     credentials, redaction
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.errors import Diverged
    from tuner.trial.evaluation import Evaluation

__all__ = ["Diverged", "Evaluation"]

#: Names that a study's own training imports from here, and their modules. They are imported on first use, so that
#: `tuner --help` stays quick.
_MODULES = {"Diverged": "tuner.errors", "Evaluation": "tuner.trial.evaluation"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
