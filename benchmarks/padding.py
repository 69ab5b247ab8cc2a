"""Padding: useful tokens a CPU-second, this project beside transformers' Trainer, for texts of unlike and like length.

Sentences and paragraphs of film reviews, cut at 128 tokens, have a heavy tail of lengths; beginnings of long reviews
all have 48 tokens. All of MiniLM is fine-tuned for an epoch in batches of 32, and the validation split is evaluated.

- Trainer: its default, batches in random order, each padded to its longest text. It is given our batches, and every
  step's loss must be the same in fp32, to 1e-5 of its size.
- Trainer, grouped: `train_sampling_strategy="group_by_length"`. Its batches are other ones: texts of alike length meet
  in a batch, which is no random sample of the data, so that its losses are other ones too.
- ours: the same random batches as Trainer's default; each is parted into forward passes of alike length, whose
  gradients are summed. The last layer is computed for all tokens, as Trainer does.
- ours, all on: with the last layer for one token, as this project does by default.

Evaluations are made with Trainer's own default of 8 texts a pass, and with ours; what is asked of training is asked of
them with all on. Each measurement is a fresh process of one thread; systems take turns. Imports and loading are left
out.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from typing import Any

from measuring import interleave, measure, median
from texts import largest_difference, make_run, prepare_texts, token_lengths, train_ours, train_theirs
from verdicts import Equality, Gate, Options, finish, parse, show

BATCH, SMALL_BATCH = 32, 12
TOLERANCE = 1e-5
THEIRS, GROUPED, OURS, ALL = "Trainer", "Trainer, grouped", "ours", "ours, all on"
#: Examples to train on and to validate with, and tokens at most.
SIZES = {"mixed": (768, 256, 128), "flat": (384, 256, 48)}
SMALL_SIZES = {"mixed": (48, 16, 64), "flat": (48, 16, 16)}
#: Useful tokens a CPU-second, in those of Trainer's default.
GATES = {"mixed": 2.0, "flat": 0.97}


def train(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Train trials one after the other, each as its job says; return what each of them did."""
    reports = []
    for job in jobs:
        system = job["system"]
        run = make_run(
            job["prepared"], frozen=0, epochs=1.0, batch_size=job["batch"], speed={"one_token": system == ALL}
        )
        with tempfile.TemporaryDirectory() as scratch:
            if system in (OURS, ALL):
                watched = train_ours(run)
            else:
                watched = train_theirs(run, scratch, sampling="group_by_length" if system == GROUPED else None)
        reports.append(watched.report())
    return {"trials": reports}


def describe(prepared: Mapping[str, Any]) -> dict[str, Any]:
    """Return how long the texts are."""
    lengths = sorted(token_lengths(prepared, "train"))
    return {
        "train": sum(lengths),
        "validation": sum(token_lengths(prepared, "validation")),
        "mean": statistics.mean(lengths),
        "median": lengths[len(lengths) // 2],
        "p90": lengths[int(0.9 * len(lengths))],
        "longest": lengths[-1],
    }


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__)
    systems = (THEIRS, GROUPED, OURS, ALL)
    tokens, jobs = {}, {}
    batch, sizes = (SMALL_BATCH, SMALL_SIZES) if options.small else (BATCH, SIZES)
    with tempfile.TemporaryDirectory() as home:
        for kind, (train_rows, validation, longest) in sizes.items():
            prepared = prepare_texts(
                kind=kind, train=train_rows, validation=validation, max_length=longest, cache=f"{home}/{kind}"
            )
            tokens[kind] = describe(prepared)
            jobs.update(
                {(kind, system): {"prepared": prepared, "system": system, "batch": batch} for system in systems}
            )
        if options.small:
            # In this process: imports would take longer than all the rest.
            reports = train(list(jobs.values()))["trials"]
            return _finish(options, tokens, {key: [report] for key, report in zip(jobs, reports, strict=True)})
        measures = {f"{kind}: {system}": partial(measure, train, jobs=[jobs[kind, system]]) for kind, system in jobs}
        found = interleave(measures, options.rounds)
        return _finish(
            options,
            tokens,
            {(kind, system): [one.report["trials"][0] for one in found[f"{kind}: {system}"]] for kind, system in jobs},
        )


def _finish(
    options: Options, tokens: Mapping[str, Mapping[str, Any]], found: Mapping[tuple[str, str], list[dict[str, Any]]]
) -> int:
    rows, gates, equalities = [], [], []
    for kind, system in found:
        useful, theirs = tokens[kind], found[kind, THEIRS]
        speeds = {}
        for part, split in (("train_s", "train"), ("evaluate_s", "validation")):
            taken, taken_by_theirs = (
                median(each, lambda one, part=part: one[part])  # type: ignore[misc]
                for each in (found[kind, system], theirs)
            )
            speeds[split] = useful[split] / taken, taken_by_theirs / taken
        difference = max(largest_difference(one["losses"], theirs[0]["losses"]) for one in found[kind, system])
        rows.append(
            (
                kind,
                system,
                found[kind, system][0]["padded"] / useful["train"],
                *(cell for speed, ratio in speeds.values() for cell in (speed, f"{ratio:.3g}x")),
                f"{difference:.1e}",
                found[kind, system][0]["losses"][-1],
            )
        )
        if system == GROUPED:
            continue
        equalities.append(Equality(f"losses of every step, {kind}, {system}", difference, TOLERANCE))
        if system == OURS:
            gates.append(Gate(f"training, {kind}", speeds["train"][1], at_least=GATES[kind]))
        if system == ALL:
            gates.append(Gate(f"evaluation, {kind}", speeds["validation"][1], at_least=GATES[kind]))
    show(
        options,
        "Useful tokens a CPU-second, full fine-tuning",
        (
            "lengths",
            "system",
            "tokens computed / useful",
            "training",
            "ratio",
            "evaluation",
            "ratio",
            "losses differ by",
            "validation loss",
        ),
        rows,
    )
    show(
        options,
        "The texts, in tokens",
        ("lengths", "mean", "median", "90 % are below", "longest", "training", "validation"),
        [
            (kind, *(each[name] for name in ("mean", "median", "p90", "longest", "train", "validation")))
            for kind, each in tokens.items()
        ],
    )
    return finish(options, gates=gates, equalities=equalities)


if __name__ == "__main__":
    sys.exit(main())
