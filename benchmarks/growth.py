"""What a study's bookkeeping costs as it grows: this project's ledger beside plain Optuna, on SQLite and PostgreSQL.

Each study is given a history of 10, 100, 1,000 and 5,000 finished trials of seven hyperparameters and ten reports; then
further trials are run in it, 1, 4 or 16 at a time, all of one thread taking turns, which is how our supervisor serves
its lanes and the best case for Optuna. The histories are what the systems themselves have written for ten trials,
copied row by row. Both draw with the same TPE, and ask the same median pruner.

Compared are milliseconds of processor time of this process: `ask` draws the seven, `report` tells a value and its
curve, `prune` asks the pruner, `tell` ends a trial; ours writes besides that, in the same transactions, its lease's
check, its event log, the curve and a note for the dashboard. `claim` (a lease), `record` (what was trained) and
`ended` (what the supervisor asks for when a trial is over) have no counterpart in Optuna, and are counted in the whole
trial. `decide` reads all values at the rungs of a search and decides which trials go on; it draws no point.
`status` is what another process reads: `tuner status` beside loading the study and looking at its trials.

The exponent is that of the cost as a power of the number of trials, fitted over all sizes.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from growth_systems import WRITTEN, Clock, Ours, Plain
from measuring import interleave, measure
from no_training import PERCENTS, study_file
from verdicts import Equality, Gate, Options, finish, parse, say, show

if TYPE_CHECKING:
    pass

#: Finished trials in the study, and trials that are measured at each size for each number of lanes.
SIZES, MEASURED = (10, 100, 1000, 5000), 16
LANES = (1, 4, 16)
SMALL_SIZES, SMALL_MEASURED, SMALL_LANES = (10, 20), 4, (1, 2)
#: What is compared with Optuna by gates; by how much an exponent may be steeper, which is what runs differ by.
GATED, TOLERANCE = ("ask", "report", "tell"), 0.1
#: The most that a decision may take, with so many trials in the study.
DECISION_MS, DECIDED_AT = 50.0, 1000
OURS, PLAIN = "ours", "Optuna"
KINDS = ("SQLite", "PostgreSQL")


# ---- a history, and trials in it


def grow(system: Ours | Plain, size: int) -> None:
    """Give a study so many finished trials, by copies of those that it has."""
    import sqlalchemy as sa

    metadata = sa.MetaData()
    metadata.reflect(system.engine)
    with system.engine.begin() as connection:
        trials = metadata.tables["trials"].c
        finished = [(row.trial_id, row.number) for row in connection.execute(sa.select(trials.trial_id, trials.number))]
        sources = dict(sorted(finished)[:WRITTEN])
        top_id, top_number = max(finished)[0], max(number for _, number in finished)
        for name, further in system.copied().items():
            table = metadata.tables[name]
            # Their own ids are the database's to give.
            counted = {
                column.name for column in table.primary_key if column.name not in ("trial_id", "study_id", "slot")
            }
            rows = [
                {key: told for key, told in row._mapping.items() if key not in counted}
                for row in connection.execute(sa.select(table))
            ]
            rows = [row for row in rows if _trial_of(row, sources) is not None]
            copies = []
            for copy in range(-(-(size - len(finished)) // WRITTEN)):
                for row in rows:
                    source = _trial_of(row, sources)
                    number = top_number + 1 + copy * WRITTEN + sources[source]
                    if number < size:
                        copies.append(further(row, top_id - top_number + number - source, number - sources[source]))
            if name == "tuner_slots":  # which are there, empty
                connection.execute(table.delete().where(table.c.slot.in_([copy["slot"] for copy in copies])))
            for start in range(0, len(copies), 500):
                connection.execute(table.insert(), copies[start : start + 500])
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT setval('trials_trial_id_seq', (SELECT max(trial_id) FROM trials))")
    with system.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    system.reopen()


def _trial_of(row: Mapping[str, Any], sources: Mapping[int, int]) -> int | None:
    """Return the id of the trial that a row belongs to, where it is one of those to be copied."""
    if "trial_id" in row:
        found = row["trial_id"]
    elif "trial_number" in row:
        found = next((trial for trial, number in sources.items() if number == row["trial_number"]), None)
    else:
        part = row["key"].split(":", 2)[1]  # of a trial's note its number; the name of the metric is the study's own
        found = int(part) if part.isdigit() else None
    return found if found in sources else None


def run_trials(system: Ours | Plain, count: int, lanes: int, clock: Clock) -> None:
    """Run so many trials, a few at a time that take turns."""
    done = 0
    while done < count:
        held = [system.begin(clock) for _ in range(min(lanes, count - done))]
        for percent in PERCENTS:
            for one in held:
                system.report(one, percent, clock)
        for one in held:
            system.tell(one, clock)
        done += len(held)


def run_system(which: str, url: str, study: str, sizes: list[int], lanes: list[int], count: int) -> dict[str, Any]:
    """Measure one system on one database, size by size; return milliseconds by size, lanes and operation."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = max(sizes) + len(sizes) * len(lanes) * (count + max(lanes))
    system: Ours | Plain = (Ours if which == OURS else Plain)(url, Path(study), trials)
    found: list[dict[str, Any]] = []
    run_trials(system, WRITTEN, 1, Clock())
    expected = WRITTEN
    try:
        for size in sizes:
            if size > expected:
                grow(system, size)
                expected = size
            for number in lanes:
                run_trials(system, number, number, Clock())  # the first ones read the history
                clock, measured = Clock(), max(count, number)
                run_trials(system, measured, number, clock)
                expected += number + measured
                for _ in range(3):
                    assert system.status(clock) == expected
                    system.decide(clock)
                found.append({"size": size, "lanes": number, "trials": measured, "ms": dict(clock.spent)})
    finally:
        rows = _read_back(system)
        system.close()
    return {"found": found, "rows": rows}


def _read_back(system: Ours | Plain) -> list[Any]:
    """Return configuration and values of the first trials and of the last ones, as they are stored."""
    import optuna

    storage = system.database.optuna_storage if isinstance(system, Ours) else system.storage
    name = optuna.get_all_study_names(storage)[0]
    trials = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    picked = [*trials[:WRITTEN], *trials[-WRITTEN:]]
    return [[trial.number, trial.params, list(trial.intermediate_values.values()), trial.value] for trial in picked]


# ---- the comparison


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__)
    sizes, lanes = (SMALL_SIZES, SMALL_LANES) if options.small else (SIZES, LANES)
    count = SMALL_MEASURED if options.small else MEASURED
    gates: list[Gate] = []
    equalities: list[Equality] = []
    with tempfile.TemporaryDirectory() as home:
        study = study_file(Path(home), trials=1)
        for kind in KINDS:
            with _databases(kind, Path(home)) as new_url:
                if new_url is None:
                    say(f"{kind} is left out: this machine has none")
                    continue

                def measured(which: str, new_url: Callable[[], str] = new_url) -> dict[str, Any]:
                    arguments = {"sizes": list(sizes), "lanes": list(lanes), "count": count}
                    report = measure(run_system, which=which, url=new_url(), study=str(study), **arguments).report
                    return dict(report)

                found = interleave({name: partial(measured, name) for name in (OURS, PLAIN)}, options.rounds)
            rows = {name: found[name][0]["rows"] for name in found}
            equalities.append(
                Equality(f"{kind}: configurations and values", float(sum(map(_differ, rows[OURS], rows[PLAIN]))))
            )
            gates += _compare(options, kind, found, sizes, lanes)
    return finish(options, gates=gates, equalities=equalities)


def _differ(one: Any, other: Any) -> bool:
    return bool(one != other)


def _compare(
    options: Options, kind: str, found: dict[str, list[Any]], sizes: tuple[int, ...], lanes: tuple[int, ...]
) -> list[Gate]:
    def ms(which: str, size: int, number: int, operation: str) -> float:
        """Return the median of an operation over all rounds."""
        told = [
            took
            for report in found[which]
            for entry in report["found"]
            if (entry["size"], entry["lanes"]) == (size, number)
            for took in entry["ms"].get(operation, [])
        ]
        return statistics.median(told) if told else 0.0

    def whole(which: str, size: int, number: int) -> float:
        return sum((10 if of in ("report", "prune") else 1) * ms(which, size, number, of) for of in _OPERATIONS)

    def exponent(which: str, number: int, of: Callable[[str, int, int], float]) -> float:
        points = [(math.log(size), math.log(max(1e-3, of(which, size, number)))) for size in sizes]
        return statistics.linear_regression(*zip(*points, strict=True)).slope

    measures = {**{name: partial(_swap, ms, name) for name in (*_OPERATIONS, "decide", "status")}, "whole trial": whole}
    gates = []
    for number in lanes:
        rows = []
        for name, of in measures.items():
            cells = [(of(OURS, size, number), of(PLAIN, size, number)) for size in sizes]
            plain = any(theirs for _, theirs in cells)
            steep = [exponent(OURS, number, of), exponent(PLAIN, number, of) if plain else math.nan]
            shown = [f"{ours:.2f}" + (f" / {theirs:.2f}" if plain else "") for ours, theirs in cells]
            ratio = statistics.median(ours / theirs for ours, theirs in cells) if plain else math.nan
            rows.append((name, *shown, ratio if plain else "", steep[0], steep[1] if plain else ""))
            if name in GATED:
                gates.append(Gate(f"{kind}, {number} at a time, {name}: ours to Optuna", ratio, at_most=1.3))
                gates.append(
                    Gate(
                        f"{kind}, {number} at a time, {name}: exponent beyond Optuna's",
                        steep[0] - steep[1],
                        at_most=TOLERANCE,
                    )
                )
        gates += [
            Gate(
                f"{kind}, {number} at a time: a decision at {size:,} trials",
                ms(OURS, size, number, "decide"),
                at_most=DECISION_MS,
                unit=" ms",
            )
            for size in sizes
            if size == DECIDED_AT
        ]
        headings = ("operation", *(f"n = {size}" for size in sizes), "ratio", "exponent", "Optuna's")
        show(options, f"{kind}, {number} trials at a time: CPU ms, ours / Optuna", headings, rows)
    return gates


_OPERATIONS = ("claim", "ask", "record", "report", "prune", "tell", "ended")


def _swap(ms: Callable[[str, int, int, str], float], operation: str, which: str, size: int, number: int) -> float:
    return ms(which, size, number, operation)


@contextmanager
def _databases(kind: str, home: Path) -> Iterator[Callable[[], str] | None]:
    """Give what makes new databases of a kind, or None where this machine has no such server."""
    made: list[str] = []
    if kind == "SQLite":

        def new_file() -> str:
            made.append(f"sqlite:///{home}/growth-{len(made)}.db")
            return made[-1]

        yield new_file
        return
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from servers import PostgresServer, ServerUnavailable

    try:
        server = PostgresServer()
    except ServerUnavailable:
        yield None
        return
    with server:

        def new_database() -> str:
            made.append(server.create_database(f"growth_{len(made)}"))
            return made[-1]

        yield new_database


if __name__ == "__main__":
    sys.exit(main())
