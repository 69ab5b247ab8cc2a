"""What a search pays for its result: replays of ours and of others on tables of learning curves, in simulated time.

    benchmarks/price.py TABLES          # a folder of *.json.gz; --rounds says how many seeds, 20 without it
    benchmarks/price.py --small         # makes its own tables

A table has the validation loss of some 1,000 configurations at 51 points: before training, and after each fiftieth of a
full run (a list of `{"hp": {...}, "valid": {"loss": [...]}}`; those of TaskSet, Metz et al. 2020, are in this form in
the data of DyHPO, machinelearningnuremberg/DyHPO). Nothing is trained: a system is told the losses of a table, and pays
for the points that it looks at. A full run (FR) is the training of one configuration to its end. Each seed draws the
configurations of each table anew, the same ones for all systems; those that choose by themselves have all of the table.

The result of a search is the best final loss among its complete trials; their cost is part of its cost. It is held
against the best of the same seed's first 64 configurations, all trained to their end, which cost 64 full runs. Regret
is the difference in percent of the table's spread: the final loss of its median configuration less that of its best
one. Below 0 is better than the best of 64. A configuration that diverges ends at its first loss that is not a number,
for all systems; it is never the result, and its final loss counts as infinite for the table's median. No regret is
capped.

Ours is the product's code: `decide` of `tuner.search.halving` and the check of `tuner.search.rank_check`, asked after
each value. Optuna's pruners are its own, over studies in memory, asked after each of the 50 points.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from price_asks import Asks, AtRandom, ByGP, ByTPE
from price_peers import Asynchronous, ByOptuna, Never, few_then_top, stopping
from price_search import Found, Replay, Rule, batch
from price_tables import REFERENCE, NoTables, Table, made_tables, read_tables
from verdicts import Equality, Gate, Options, finish, parse, say, show

from tuner.search.guided_asks import GuidedAsks

SEEDS, WORKERS = 20, (1, 8)
#: Within so many percent of the spread, a result is as good as the best of 64.
CLOSE = 2.0
#: What is asked for, in full runs: equal to the best of 64 in the mean; close to it in so many replays.
PARITY_COST, CLOSE_COST, CLOSE_SHARE = 5.0, 8.5, 0.9
#: Rules of ours.
FIXED = Rule(trials=64, eta=2, first_rung=4)
CHECKED = Rule(trials=64, eta=2, first_rung=2, is_checked=True)
WIDE = Rule(trials=96, eta=2, first_rung=2, is_checked=True)
STEEP = Rule(trials=70, eta=3, first_rung=2)
LEAN = Rule(trials=48, eta=3, first_rung=2, is_checked=True)
RECIPE = Rule(trials=64, eta=2, first_rung=4, has_recipe=True)

#: A system: from a table, a seed and a number of workers, the outcome of its search.
System = Callable[[Table, int, int], Found]


@dataclass(frozen=True)
class Priced:
    """A system's outcomes, over seeds and tables."""

    name: str
    is_ours: bool
    workers: int
    #: By seed, then by table.
    costs: Sequence[Sequence[float]]
    times: Sequence[Sequence[float]]
    regrets: Sequence[Sequence[float]]

    @property
    def cost(self) -> float:
        """Mean cost in full runs."""
        return _mean(self.costs)

    @property
    def regret(self) -> float:
        """Mean regret in percent of the spread."""
        return _mean(self.regrets)

    @property
    def share(self) -> float:
        """Share of the replays whose result is close to the best of 64, or better."""
        return _mean([[float(each <= CLOSE) for each in seed] for seed in self.regrets])

    @property
    def deviation(self) -> float:
        """Standard deviation over seeds of the regret, each seed's being the mean over tables."""
        means = [statistics.mean(seed) for seed in self.regrets]
        return statistics.stdev(means) if len(means) > 1 else 0.0


def _mean(numbers: Sequence[Sequence[float]]) -> float:
    return statistics.mean(each for seed in numbers for each in seed)


# ---- the systems


def ours(rule: Rule, make_asks: Callable[[Table, int, Rule], Asks], table: Table, seed: int, workers: int) -> Found:
    """Replay our search."""
    return Replay(table, rule, make_asks(table, seed, rule), table.drawn(seed), workers).run()


#: By name, the ways to choose configurations. The first trials are drawn at random, as in the product.
ASKS: dict[str, Callable[[Table, int, Rule], Asks]] = {
    "random": lambda table, seed, rule: AtRandom(),
    "TPE": lambda table, seed, rule: ByTPE(table, seed, startup=rule.trials // 4),
    "GP for a third": lambda table, seed, rule: ByGP(table, seed, guided=GuidedAsks().guided),
}
#: The rules that are replayed with each of them.
RULES = {
    "random": (FIXED, CHECKED, WIDE, STEEP, LEAN, RECIPE),
    "TPE": (CHECKED, LEAN),
    "GP for a third": (CHECKED, WIDE, LEAN),
}


def pruned_by_optuna(name: str, table: Table, seed: int, workers: int) -> Found:
    """Replay 64 trials that one of Optuna's pruners stops."""
    import optuna

    makers: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
        "none": optuna.pruners.NopPruner,
        "Median": optuna.pruners.MedianPruner,
        "SuccessiveHalving": optuna.pruners.SuccessiveHalvingPruner,
        # By itself it takes the number of points from the first complete trial, and prunes none before.
        "Hyperband": partial(optuna.pruners.HyperbandPruner, max_resource=table.length),
    }
    return stopping(table, ByOptuna(makers[name], seed), table.drawn(seed)[:REFERENCE], workers)


def full(count: int, table: Table, seed: int, workers: int) -> Found:
    """Replay full runs."""
    return stopping(table, Never(), table.drawn(seed)[:count], workers)


def asynchronous(table: Table, seed: int, workers: int) -> Found:
    """Replay 64 trials that the asynchronous rule stops."""
    return stopping(table, Asynchronous(4, table.length), table.drawn(seed)[:REFERENCE], workers)


def three_then_three(table: Table, seed: int, workers: int) -> Found:
    """Replay 64 trials of three points, and the best three of them to their end."""
    return few_then_top(table, 3, 3, table.drawn(seed)[:REFERENCE], workers)


PEERS: dict[str, System] = {
    "random, 16 full": partial(full, 16),
    "best of 64 full": partial(full, REFERENCE),
    "Optuna Median, 64": partial(pruned_by_optuna, "Median"),
    "Optuna SuccessiveHalving, 64": partial(pruned_by_optuna, "SuccessiveHalving"),
    "Optuna Hyperband, 64": partial(pruned_by_optuna, "Hyperband"),
    "ASHA that stops, eta 4, 64": asynchronous,
    "3/50 of each, then the top 3, 64": three_then_three,
}
OURS: dict[str, System] = {
    f"{rule}, asks {name}": partial(ours, rule, ASKS[name]) for name, rules in RULES.items() for rule in rules
}


# ---- the comparison


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__, rounds=SEEDS, folder="TABLES")
    try:
        tables = made_tables(2) if options.folder is None else read_tables(options.folder)
    except NoTables as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    seeds = range(options.rounds)
    with _replays(tables, at_once=1 if options.small else len(os.sched_getaffinity(0))) as replays:
        priced = [_priced(name, tables, seeds, workers, replays) for name in PEERS | OURS for workers in WORKERS]
    for workers in WORKERS:
        _show(options, tables, [each for each in priced if each.workers == workers], workers)
    return finish(options, gates=_gates(priced), equalities=_equalities(tables, seeds))


#: Replays one system with several seeds, on all tables.
Replays: TypeAlias = Callable[[Callable[[int], list[Found]], Sequence[int]], Iterable[list[Found]]]


@contextmanager
def _replays(tables: Sequence[Table], at_once: int) -> Iterator[Replays]:
    """Give a function that maps seeds to outcomes, in so many processes. They may compete: no time is measured."""
    _take(tables)
    if at_once == 1:
        yield map
        return
    with ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn"), _take, (tables,)) as pool:
        yield pool.map


#: The tables of this process.
_tables: list[Table] = []


def _take(tables: Sequence[Table]) -> None:
    _tables[:] = tables


def _replay(name: str, workers: int, seed: int) -> list[Found]:
    """Replay a system on all tables."""
    return [(PEERS | OURS)[name](table, seed, workers) for table in _tables]


def _priced(name: str, tables: Sequence[Table], seeds: range, workers: int, replays: Replays) -> Priced:
    found = list(replays(partial(_replay, name, workers), seeds))
    print(f"  {name}, {workers} at a time", file=sys.stderr, flush=True)  # noqa: T201
    return Priced(
        name=name,
        is_ours=name in OURS,
        workers=workers,
        costs=[[each.cost for each in row] for row in found],
        times=[[each.time for each in row] for row in found],
        regrets=[
            [table.regret(each.loss, seed) for table, each in zip(tables, row, strict=True)]
            for seed, row in zip(seeds, found, strict=True)
        ],
    )


def _show(options: Options, tables: Sequence[Table], priced: Sequence[Priced], workers: int) -> None:
    trials = "one trial at a time" if workers == 1 else f"{workers} trials at a time"
    show(
        options,
        f"{len(tables)} tables, {options.rounds} seeds, {trials}",
        ("system", "FR", "time, FR", "mean regret", "its sd over seeds", f"within {CLOSE:g} %"),
        [
            (each.name, each.cost, _mean(each.times), each.regret, each.deviation, f"{100 * each.share:.1f} %")
            for each in priced
        ],
    )
    if workers == 1:
        show(
            options,
            f"By table, {trials}: mean regret / within {CLOSE:g} %",
            ("system", *(str(number) for number in range(1, len(tables) + 1))),
            [(each.name, *(_cell(each, column) for column in range(len(tables)))) for each in priced],
        )
        say("\n" + "\n".join(f"table {number}: {table.name}" for number, table in enumerate(tables, start=1)))


def _cell(priced: Priced, column: int) -> str:
    regrets = [seed[column] for seed in priced.regrets]
    return f"{statistics.mean(regrets):.1f} / {100 * statistics.mean(each <= CLOSE for each in regrets):.0f} %"


def _gates(priced: Sequence[Priced]) -> list[Gate]:
    """Return the gates: at which cost the cheapest of our rules reached each aim, with one worker and with several."""
    by_name = {each.name: [one for one in priced if one.name == each.name] for each in priced if each.is_ours}

    def gate(aim: str, reached: Callable[[Priced], bool], at_most: float) -> Gate:
        costs = {name: max(one.cost for one in ones) for name, ones in by_name.items() if all(map(reached, ones))}
        name = min(costs, key=lambda each: costs[each], default="no rule of ours")
        return Gate(f"{aim}: {name}", costs.get(name, float("nan")), at_most=at_most, unit=" FR")

    return [
        gate("the best of 64 in the mean", lambda one: one.regret <= 0, PARITY_COST),
        gate(
            f"within {CLOSE:g} % of it in {100 * CLOSE_SHARE:.0f} % of replays",
            lambda one: one.share >= CLOSE_SHARE,
            CLOSE_COST,
        ),
    ]


def _equalities(tables: Sequence[Table], seeds: range) -> list[Equality]:
    """Return what must be the same, counted in replays that differ."""
    orders = costs = workers = nop = 0
    for table in tables:
        for seed in seeds:
            drawn = table.drawn(seed)
            for rule in (FIXED, STEEP):
                defined = batch(table, rule, drawn)
                one, eight = (ours(rule, ASKS["random"], table, seed, count) for count in (1, 8))
                orders += one.targets != defined.targets
                costs += abs(one.cost - defined.cost) > 1e-9
                workers += one.targets != eight.targets
            nop += table.regret(pruned_by_optuna("none", table, seed, 1).loss, seed) != 0.0 if seed == 0 else 0
    return [
        Equality("trials that our rule lets go on, beside halving by its definition", orders),
        Equality("cost of our rule, beside halving by its definition", costs),
        Equality("trials that our rule lets go on, with one worker and with eight", workers),
        Equality("64 trials in an Optuna study that prunes none, beside the best of 64", nop),
    ]


if __name__ == "__main__":
    sys.exit(main())
