"""Fine-tuning with frozen layers: this project's trunk cache beside transformers' Trainer.

1,000 film reviews, each cut to 48 tokens, train MiniLM with k of its 6 layers and the embeddings frozen. On both sides
the frozen part is in evaluation mode and without gradients (in Trainer's case by hand, as one has to), the head begins
with the same weights, the batches are the same in the same order, dropout is 0, and every step's loss must be the same
in fp32, to 1e-5 of its size. As no text is shorter than another, nothing here comes from padding.

Compared is the processor time of a step, from the end of the second to the end of the last but one, in fresh processes
of one thread that take turns. What is not in a step is shown beside it: imports, the building of the cache, the
evaluation. k = 0, full fine-tuning, shows that there is nothing to gain there.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from typing import Any

from measuring import Measured, interleave, measure, median
from texts import LAYERS, largest_difference, make_run, prepare_texts, train_ours, train_theirs
from verdicts import Equality, Gate, Options, finish, parse, show

BATCH = 32
#: Optimiser steps by frozen layers: of an epoch of 32 at most, so that all that are counted are of whole batches.
STEPS = {0: 10, 2: 14, 4: 16, 5: 20, 6: 31}
#: In small runs.
SMALL_DEPTHS, SMALL_STEPS = (0, 5, 6), 4
#: How far a loss may be from Trainer's, relative to it.
TOLERANCE = 1e-5
THEIRS, CACHE, ALL, COLD = "Trainer", "cache", "cache and one token", "cold cache"
#: By system and frozen layers, how many times as much as ours Trainer has to take.
GATES = {(CACHE, 2): 1.0, (CACHE, 4): 1.5, (CACHE, 5): 2.1, (ALL, 5): 8.0, (ALL, 6): 100.0}


def train(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Train trials one after the other, each as its job says; return what each of them did."""
    reports = []
    for job in jobs:
        epochs = job["steps"] / -(-job["examples"] // BATCH)
        run = make_run(
            job["prepared"],
            frozen=job["frozen"],
            epochs=epochs,
            batch_size=BATCH,
            speed={"one_token": job["system"] != CACHE},
            trunk=job["trunk"],
        )
        with tempfile.TemporaryDirectory() as scratch:
            watched = train_theirs(run, scratch) if job["system"] == THEIRS else train_ours(run)
        reports.append(watched.report())
    return {"trials": reports}


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__)
    depths = SMALL_DEPTHS if options.small else tuple(STEPS)
    examples, tokens = (4 * BATCH, 16) if options.small else (1000, 48)
    with tempfile.TemporaryDirectory() as home:
        prepared = prepare_texts(
            kind="flat", train=examples, validation=BATCH, max_length=tokens, cache=f"{home}/cache"
        )
        job = {"prepared": prepared, "examples": examples, "trunk": f"{home}/trunk"}
        systems = [(system, frozen) for frozen in depths for system in (THEIRS, CACHE, ALL)]
        jobs = {
            (system, frozen): {
                **job,
                "system": system,
                "frozen": frozen,
                "steps": SMALL_STEPS if options.small else STEPS[frozen],
            }
            for system, frozen in systems
        }
        if options.small:
            # In this process: imports would take longer than all the rest.
            reports = train(list(jobs.values()))["trials"]
            return _finish(options, {key: [report] for key, report in zip(jobs, reports, strict=True)})
        measure(train, jobs=[jobs[ALL, LAYERS], jobs[CACHE, LAYERS]])  # builds the cache
        measures = {_name(key): partial(measure, train, jobs=[each]) for key, each in jobs.items()}
        measures[COLD] = partial(_measure_cold, {**jobs[ALL, LAYERS], "system": ALL})
        found = interleave(measures, options.rounds)
        _show_totals(options, found)
        return _finish(options, {key: [each.report["trials"][0] for each in found[_name(key)]] for key in jobs})


def _name(key: tuple[str, int]) -> str:
    system, frozen = key
    return f"k={frozen}: {system}"


def _measure_cold(job: Mapping[str, Any]) -> Measured:
    with tempfile.TemporaryDirectory() as trunk:
        return measure(train, jobs=[{**job, "trunk": trunk}])


def _show_totals(options: Options, found: Mapping[str, list[Measured]]) -> None:
    """Show what a process with one head-only trial took from its start to its end."""
    rows: list[tuple[Any, ...]] = []
    names = (_name((THEIRS, LAYERS)), _name((ALL, LAYERS)), COLD)
    for name in names:
        parts = [
            median(found[name], lambda one, part=part: one.report["trials"][0][part])  # type: ignore[misc]
            for part in ("setup_s", "train_s", "evaluate_s")
        ]
        rows.append((name, *parts, median(found[name], lambda one: one.cpu_s), _megabytes(found[name])))
    fork_server, cold = (
        median(found[name], lambda one: one.report["trials"][0]["setup_s"]) for name in (names[1], COLD)
    )
    rows.append(("of which the building", cold - fork_server, "", "", "", ""))
    show(
        options,
        f"One trial of {STEPS[LAYERS]} steps with all layers frozen, whole process, CPU-s",
        ("system", "imports and setting up", "steps", "evaluation", "total", "peak MB"),
        rows,
    )


def _megabytes(found: list[Measured]) -> float:
    return median(found, lambda one: one.peak_bytes / 1e6)


def _finish(options: Options, found: Mapping[tuple[str, int], list[dict[str, Any]]]) -> int:
    rows, gates, equalities = [], [], []
    for frozen in dict.fromkeys(frozen for _, frozen in found):
        taken = {system: median(found[system, frozen], lambda one: one["step_s"]) for system in (THEIRS, CACHE, ALL)}
        theirs = found[THEIRS, frozen][0]
        for system in (CACHE, ALL):
            difference = max(largest_difference(one["losses"], theirs["losses"]) for one in found[system, frozen])
            ratio = taken[THEIRS] / taken[system]
            rows.append(
                (
                    frozen,
                    system,
                    taken[THEIRS] * 1000 / BATCH,
                    taken[system] * 1000 / BATCH,
                    f"{ratio:.3g}x",
                    f"{difference:.1e}",
                    theirs["losses"][-1],
                    found[system, frozen][0]["losses"][-1],
                )
            )
            equalities.append(Equality(f"losses of every step, k={frozen}, {system}", difference, TOLERANCE))
            if (system, frozen) in GATES:
                gates.append(Gate(f"k={frozen}, {system}", ratio, at_least=GATES[system, frozen]))
            for one in found[system, frozen]:
                _check_is_what_it_is_called(one, frozen, system)
    show(
        options,
        "Training steps with k of 6 layers frozen, CPU-s per 1,000 texts",
        ("k", "ours with", "Trainer", "ours", "ratio", "losses differ by", "validation loss", "ours"),
        rows,
    )
    return finish(options, gates=gates, equalities=equalities)


def _check_is_what_it_is_called(report: Mapping[str, Any], frozen: int, system: str) -> None:
    """See that a trial used what it is named after."""
    place = (report["trunk_cache"] or {}).get("place")
    assert place == ("memory" if frozen else None), (frozen, system, report["trunk_cache"])
    # With all layers frozen no layer is computed at all.
    assert report["one_token"] == (system == ALL), (frozen, system)


if __name__ == "__main__":
    sys.exit(main())
