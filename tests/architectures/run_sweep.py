"""Drives every architecture through the product and writes the outcomes: `make architectures`.

`python -m architectures.run_sweep NAME...` does so for a few and only prints.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers and datasets are imported

import datasets
import torch
import transformers

from architectures.catalogue import Architecture, catalogue
from architectures.outcomes import Outcome, Verdict, write_outcomes
from architectures.product import write_pictures, write_texts
from architectures.sweep import Judgement, Workplace, judge


def main() -> int:
    """Judge all architectures, or those that are named."""
    chosen = [each for each in catalogue() if each.name in sys.argv[1:] or not sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        workplace = Workplace(
            texts=write_texts(home / "texts.csv"),
            pictures=write_pictures(home / "pictures"),
            cache=home / "cache",
            folder=home / "models",
        )
        # Processes are started anew: torch's threads do not survive a fork.
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), initializer=_quiet) as pool:
            outcomes = {}
            for architecture, judgement in zip(
                chosen, pool.map(_judge, chosen, [workplace] * len(chosen)), strict=True
            ):
                outcomes[architecture.name] = judgement.outcome
                _say("\n  ".join([f"{architecture.name}: {judgement.outcome}", *judgement.complaints[:5]]))
    if not sys.argv[1:]:
        write_outcomes(outcomes)
    wrong = sum(outcome.verdict == Verdict.WRONG for outcome in outcomes.values())
    _say(", ".join(f"{sum(o.verdict == v for o in outcomes.values())} {v}" for v in Verdict))
    return 1 if wrong else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _judge(architecture: Architecture, workplace: Workplace) -> Judgement:
    try:
        return judge(architecture, workplace)
    except Exception:  # a crash is an outcome too
        return Judgement(Outcome(verdict=Verdict.WRONG, note="crashes"), traceback.format_exc().splitlines()[-6:])


def _quiet() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    # Preparation collects garbage twice, which takes half a second for all that transformers imports.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
