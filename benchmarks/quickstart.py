"""What the quickstart finds for its four full runs, beside the search of version 0.1 with its 16 trials.

    benchmarks/quickstart.py              # hours; it adds the studies that are missing; --rounds says how many seeds, 5
    benchmarks/quickstart.py --small      # one short study, into no table

`ours` is the example as it is. `earlier` is the search as version 0.1 made it: Optuna's TPE over all hyperparameters
with its percentile pruner, 16 trials; trained by today's training on the same rows. Each line of
`target/quickstart.jsonl` is one study. As many run at a time as there are processors, each with one thread.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import yaml
from depths import EXAMPLE
from target import rows_of, run_study
from verdicts import Equality, Gate, finish, parse, say, show

TABLE = Path(__file__).parent / "target" / "quickstart.jsonl"
SEEDS = 5
#: Full runs that ours may spend: its budget, and the bit by which a search may exceed it.
MOST = 4.3
#: What each system changes of the example.
SYSTEMS: dict[str, dict[str, Any]] = {
    "ours": {},
    "earlier": {
        "search": "plain",
        "sampler": "tpe",
        "pruner": "percentile",
        "budget": {"trials": 16},
    },
}


def search(system: str, seed: int, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run one study; return what it has found, and at what cost."""
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    study = {**example, **SYSTEMS[system], **(more or {}), "name": f"{system}-{seed}", "seed": seed}
    home = Path(tempfile.mkdtemp(prefix="tuner-quickstart-"))
    try:
        found, best = run_study(study, home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return {"name": f"{system}/{seed}", **found, "value": best.value, "hyperparameters": best.hyperparameters}


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__, rounds=SEEDS)
    if options.small:
        data = {**yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["data"]}
        data["splits"] = {"train": 32, "validation": 32, "test": 2}
        row = search("earlier", 1, {"data": data, "max_length": 16, "budget": {"trials": 2}})
        show(options, "one study", ("trials", "FR", "best"), [(row["trials"], row["runs"], row["value"])])
        return finish(options, equalities=[Equality("trials that are missing", float(2 - row["trials"]))])
    there = {row["name"] for row in rows_of(TABLE)}
    wanted = [
        (system, seed) for seed in range(1, options.rounds + 1) for system in SYSTEMS if f"{system}/{seed}" not in there
    ]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(search, *each): each for each in wanted}
        for future in as_completed(running):
            with TABLE.open("a", encoding="utf-8") as file:
                file.write(json.dumps(future.result()) + "\n")
            say(f"  {running[future]}")
    rows, shown = rows_of(TABLE), []
    for row in sorted(rows, key=lambda row: (row["name"].split("/")[1], row["name"])):
        system, seed = row["name"].split("/")
        shown.append((seed, system, row["trials"], row["runs"], row["device_s"], row["course"][0][1], row["value"]))
    show(options, "Each study", ("seed", "system", "trials", "FR", "device s", "trial 0", "best"), shown)
    values = {system: [row["value"] for row in rows if row["name"].startswith(f"{system}/")] for system in SYSTEMS}
    spent = [row["runs"] for row in rows if row["name"].startswith("ours/")]
    apart = statistics.mean(values["ours"]) - statistics.mean(values["earlier"])
    gates = [
        Gate("ours less the search of 0.1, mean value", apart, at_least=0.0, unit=""),
        Gate("full runs of ours, at most", max(spent), at_most=MOST, unit=""),
    ]
    return finish(options, gates=gates)


if __name__ == "__main__":
    sys.exit(main())
