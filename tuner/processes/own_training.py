"""The values that a study's own training function may return: a generator of evaluations, or a transformers Trainer."""

from __future__ import annotations

import contextlib
import gc
import importlib
import random
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuner.trial.evaluation import Evaluation
    from tuner.trial.run import TrialRun
    from tuner.trial.runner import Loop, Train

#: The adapter of Trainers, by name: it imports torch, which other training may not need.
TRAINER = "tuner.training.hf_trainer.adapter"
#: Libraries whose import takes seconds, and that compute nothing as they are imported.
_SLOW = ("torch", "transformers", "accelerate", "datasets", "peft", "trl")
#: Most modules that are named to the fork server, whose requests have a limit. A script with a Trainer of TRL has some
#: six hundred, of 30 bytes each.
_MOST = 2000


def adapted(train: Train) -> Train:
    """Return a training function whose Trainer, if it returns one, trains the trial.

    Args:
        train: The function. It is a generator of evaluations, or returns one, or a loop, or a transformers Trainer.
    """

    def trained(run: TrialRun) -> Iterator[Evaluation] | Loop:
        made: Any = train(run)
        if _is_trainer(made):
            loop: Loop = importlib.import_module(TRAINER).loop_of(made, run)
            return loop
        if not callable(made) and not (hasattr(made, "__next__") and hasattr(made, "close")):
            raise TypeError(
                f"the training function returned {_described(made)}; it yields evaluations, or returns a transformers "
                "Trainer"
            )
        return made  # type: ignore[no-any-return]

    return trained


def slow_imports() -> tuple[str, ...]:
    """Return the modules of slow libraries that this process has imported; torch brings its own along."""
    slow = [name for name in sys.modules if name.split(".", 1)[0] in _SLOW]
    return tuple(name for name in slow if not name.startswith("torch."))[:_MOST]


def import_libraries(*, modules: Sequence[str]) -> None:
    """Import modules in the fork server, so that every later trainer inherits them.

    Args:
        modules: Their names, as `slow_imports` has found them in another process.
    """
    gc.disable()
    for module in modules:
        with contextlib.suppress(Exception):  # the study's own training imports it too, and reports the error
            importlib.import_module(module)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)  # threads would not survive the fork
    gc.freeze()
    gc.enable()


def prepare_libraries(seed: int, threads: int | None) -> None:
    """Seed the generators of random numbers of those libraries that are imported already, and give torch its threads.

    A script draws the weights of a new head before its Trainer sets a seed. Without this, each attempt at a trial would
    draw other ones.

    Args:
        seed: The seed.
        threads: CPU threads for tensor operations; None keeps the library's default.
    """
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
        if threads is not None:
            torch.set_num_threads(threads)


def _is_trainer(made: Any) -> bool:
    return any(each.__name__ == "Trainer" and each.__module__ == "transformers.trainer" for each in type(made).__mro__)


def _described(made: Any) -> str:
    return "None" if made is None else f"a {type(made).__name__}"
