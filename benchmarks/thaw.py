"""What the thaw search finds for a few full runs: replays of the trials that `depths.py` has recorded.

    benchmarks/thaw.py                  # --rounds says how many replays a task, 200 without it
    benchmarks/thaw.py --small          # few replays

Nothing is trained. Ours is the product's `decide` of `tuner.search.thaw.market`, one trial at a time: it is told the
values of recorded trials at the percents to which it trains them, and pays their processor time. What it draws, by the
product's first asks and by what it carries up, is replaced by the nearest recorded configuration of the arm. A full run
(FR) is the time of trial 0, the recorded trial nearest to the published recipe, all of whose layers are trained from a
random head.
Plain TPE is Optuna's over the same configurations and depths, every trial with a random head and trained to its end;
its proposals take the nearest recorded trial. Each replay has another three quarters of the configurations, and draws
them in another order. Recorded seconds include more evaluations than a search over depths makes: ours pays for them.

The result of a search is the best value of a complete trial when it has spent so much; shown beside it is the value of
that trial's weights on the test split. The difference to TPE is that of the same replays.
"""

from __future__ import annotations

import json
import math
import random
import statistics
import sys
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from verdicts import Equality, Gate, finish, parse, say, show

from search_spaces import FITTED, RANDOM, Hyperparameters
from tuner.search.promotion import ContenderState
from tuner.search.thaw.arms import Arm, ArmTrial, Market
from tuner.search.thaw.bargains import Kind
from tuner.search.thaw.carrying import Begun, carried, probability
from tuner.search.thaw.costs import ArmCosts
from tuner.search.thaw.first_asks import first_asks, point_key
from tuner.search.thaw.market import decide
from tuner.study.arm_costs import LEAST
from tuner.study.looks import FIRST_LOOK, first_rung, put_aside_at
from tuner.study.setup import resolve
from tuner.study.study_file import parse_config
from tuner.trial.rungs import first_rungs, ladder

FOLDER = Path(__file__).parent / "depths"
REPLAYS, SMALL_REPLAYS = 200, 3
#: Share of the configurations that a replay has.
PART = 0.75
#: Full runs that the two spend, and the most where ours may stop by itself.
BUDGETS, STOPPED = (2.0, 4.0, 8.0), 4.0
#: Percents at which a search over depths looks at its trials, and those at which it puts them aside.
LOOKS = tuple(look for look in ladder(first_rungs(2)[-1], 2) if look >= FIRST_LOOK)
PUT_ASIDE = put_aside_at(LOOKS)
ROWS, VALIDATION = 640, 500
#: The arms of ours: frozen share and initial head, the cheapest first.
ARMS = ((1.0, RANDOM), (0.5, FITTED), (0.5, RANDOM), (0.0, FITTED), (0.0, RANDOM))
#: The published recipe of the family, as far as the space allows it, with equal weights: rate and batch size.
RECIPE = {"learning_rate": 5e-5, "batch_size": 32}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A trial of the table."""

    point: dict[str, Any]
    #: By percent: value, and processor seconds up to there.
    values: dict[int, float]
    seconds: dict[int, float]
    #: Value of its best weights on the test split.
    test: float

    @property
    def rung(self) -> int:
        """The percent at which it may first be put aside."""
        return first_rung(Hyperparameters.from_values(self.point), ROWS, PUT_ASIDE)

    def until(self, percent: int) -> dict[int, float]:
        """Return its values up to a percent."""
        return {step: value for step, value in self.values.items() if step <= percent}

    def spent(self, percent: int) -> float:
        """Return its seconds up to a percent."""
        return max((each for step, each in self.seconds.items() if step <= percent), default=0.0)


@dataclass(kw_only=True)
class Table:
    """The trials of a task of which all depths and heads are recorded."""

    task: str
    trials: dict[tuple[int, float, str], Recorded]
    configurations: list[int] = field(default_factory=list)
    recipe: int = 0

    def __post_init__(self) -> None:
        numbers = {number for number, _, _ in self.trials}
        self.configurations = sorted(n for n in numbers if all((n, *arm) in self.trials for arm in ARMS))
        self.recipe = min(self.configurations, key=self._off_recipe, default=0)

    def _off_recipe(self, number: int) -> float:
        point = self.trials[number, 0.0, RANDOM].point
        return sum(abs(math.log(point[name] / value)) for name, value in RECIPE.items())

    def nearest(self, point: dict[str, Any], among: set[int], rng: random.Random) -> int:
        """Return the configuration that is nearest to a point; what the point lacks is drawn anew."""
        there = self.trials[rng.choice(sorted(among)), 0.0, RANDOM].point
        wanted = _encoded({**there, **point})
        encoded = {number: _encoded(self.trials[number, 0.0, RANDOM].point) for number in sorted(among)}
        return min(encoded, key=lambda each: float(np.square(np.subtract(encoded[each], wanted)).sum()))

    def part(self, seed: int) -> Table:
        """Return the table with some of the configurations, always the one next to the recipe."""
        others = [number for number in self.configurations if number != self.recipe]
        kept = {self.recipe, *random.Random(seed).sample(others, round(PART * len(others)))}
        return Table(task=self.task, trials={key: each for key, each in self.trials.items() if key[0] in kept})

    @property
    def unit(self) -> float:
        """Seconds of a full run."""
        return self.trials[self.recipe, 0.0, RANDOM].spent(100)


def read(task: str) -> Table:
    """Read what is recorded of a task."""
    trials = {}
    for line in (FOLDER / f"{task}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["name"] == "head" or row["diverged"] is not None:
            continue
        number, share, head = row["name"].split("/")
        values, seconds = (dict(zip(row["steps"], row[key], strict=True)) for key in ("values", "cpu_s"))
        trials[int(number), float(share), head] = Recorded(
            point=row["point"],
            values={step: value for step, value in values.items() if step in LOOKS},
            seconds=seconds,
            test=row["test"],
        )
    return Table(task=task, trials=trials)


@cache
def searched() -> tuple[Any, dict[str, Any]]:
    """Return the space of the recorded trials, and the published recipe of the model's family."""
    study = yaml.safe_load((FOLDER.parents[1] / "examples" / "rotten_tomatoes.yaml").read_text(encoding="utf-8"))
    config = parse_config(study, source="a benchmark", folder=Path())
    _, recipe, space = resolve(config, source="a benchmark")
    return space, recipe.defaults


@dataclass(kw_only=True)
class Search:
    """A search that has spent some full runs."""

    spent: float = 0.0
    #: Full runs spent on anything deeper than the head, besides trial 0.
    deeper: float = 0.0
    #: After each decision: what was spent, the best value of a complete trial, and its test value.
    course: list[tuple[float, float, float]] = field(default_factory=list)
    complete: list[Recorded] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def note(self) -> None:
        """Note how far the search is."""
        best = max(self.complete, key=lambda each: max(each.values.values()))
        self.course.append((self.spent, max(best.values.values()), best.test))

    def at(self, budget: float) -> tuple[float, float]:
        """Return the best value, and its test value, when so much was spent."""
        told = [(value, test) for spent, value, test in self.course if spent <= budget + 1e-9]
        return told[-1] if told else self.course[0][1:]


def ours(table: Table, seed: int, budget: float, *, stops: bool = True) -> Search:
    """Replay the thaw search; without `stops` it spends its budget."""
    rng = random.Random(seed)
    unit, recipe = table.unit, table.trials[table.recipe, 0.0, RANDOM]
    search = Search(spent=1.0, complete=[recipe])
    search.note()
    #: By arm: the recorded trials that have begun, each with the percent that it has reached.
    begun: dict[tuple[float, str], list[tuple[Recorded, int]]] = {arm: [] for arm in ARMS}
    left = {arm: set(table.configurations) for arm in ARMS}
    left[0.0, RANDOM].remove(table.recipe)
    space, family = searched()
    firsts = first_asks(family, space)
    recorded = {arm: [table.trials[number, *arm] for number in table.configurations] for arm in ARMS}
    planned = {
        arm: ArmCosts.planned(max(LEAST, 1 - arm[0]), firsts, space=space, first_point=recipe.point) for arm in ARMS
    }
    rungs = {arm: statistics.median_low(each.rung for each in found) for arm, found in recorded.items()}
    came_up: set[tuple[tuple[float, str], int]] = set()

    def _seen(begun: dict[tuple[float, str], list[tuple[Recorded, int]]]) -> list[Begun]:
        return [
            Begun(
                frozen_share=arm[0],
                is_fitted=arm[1] == FITTED,
                point=each.point,
                value=each.until(reached)[reached] if reached else None,
                is_carried=(arm, place) in came_up,
            )
            for arm, found in begun.items()
            for place, (each, reached) in enumerate(found)
        ]

    def _cost(arm: tuple[float, str]) -> float:
        told = ((place, reached / 100, each.spent(reached) / unit) for place, (each, reached) in enumerate(begun[arm]))
        return planned[arm].learned(told).at(len(begun[arm]))

    while True:
        numbers = iter(range(10**6))
        arms = [
            Arm(
                frozen=arm[0],
                cost=_cost(arm),
                asks=tuple(map(point_key, firsts)),
                first_rung=100 if arm[0] == 1.0 else rungs[arm],
                is_fitted=arm[1] == FITTED,
                trials=tuple(
                    ArmTrial(
                        number=next(numbers),
                        values=each.until(reached),
                        state=ContenderState.OVER if reached == 100 else ContenderState.SHELVED,
                        cost=each.spent(reached) / unit * 100 / reached,
                    )
                    for each, reached in begun[arm]
                ),
            )
            for arm in ARMS
        ]
        value = max(recipe.values.values())
        choice = decide(
            Market(
                arms=tuple(arms),
                recipe=value,
                recipe_rise=value - recipe.until(recipe.rung)[recipe.rung],
                perfect=1.0,
                noise=math.sqrt(value * (1 - value) / VALIDATION),
                budget=budget,
                spent=search.spent,
                stops=stops,
            )
        )
        search.reasons.append(choice.reason)
        bargain = choice.bargain
        if bargain is None:
            return search
        arm = ARMS[bargain.arm]
        if bargain.kind is Kind.BEGIN:
            places = []
            for _ in range(bargain.count):
                left[arm] = left[arm] or set(table.configurations)  # the table holds no more: they are drawn again
                seen, place = _seen(begun), len(begun[arm])
                own = [each for each in seen if (each.frozen_share, each.is_fitted) == (arm[0], arm[1] == FITTED)]
                point: dict[str, Any] | None = dict(firsts[place]) if place < len(firsts) else None
                is_carried = point is None and rng.random() < probability(own)
                if is_carried:
                    point = carried(space, seen, frozen_share=arm[0], is_fitted=arm[1] == FITTED, rng=rng)
                number = rng.choice(sorted(left[arm])) if point is None else table.nearest(point, left[arm], rng)
                left[arm].remove(number)
                begun[arm].append((table.trials[number, *arm], 0))
                came_up.update({(arm, place)} if is_carried and point is not None else ())
                places.append(len(begun[arm]) - 1)
        else:
            places = [[each.number for each in arms[bargain.arm].trials].index(bargain.number or 0)]
        for place in places:
            each, reached = begun[arm][place]
            target = 100 if arm[0] == 1.0 else next(look for look in PUT_ASIDE if look >= each.rung and look > reached)
            cost = (each.spent(target) - each.spent(reached)) / unit
            search.spent += cost
            search.deeper += cost if arm[0] < 1.0 else 0.0
            begun[arm][place] = (each, target)
            if target == 100:
                search.complete.append(each)
        search.note()


def by_tpe(table: Table, seed: int, budget: float) -> Search:
    """Replay Optuna's TPE over configurations and depths, every trial to its end."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    shares = sorted({share for _, share, head in table.trials if head == RANDOM})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(n_startup_trials=10, multivariate=True, seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    encoded = {number: _encoded(table.trials[number, 0.0, RANDOM].point) for number in table.configurations}
    search = Search()
    study.enqueue_trial({"frozen": 0.0, **_named(encoded[table.recipe])})
    while search.spent < budget:
        trial = study.ask()
        share = trial.suggest_categorical("frozen", shares)
        wanted = [trial.suggest_float(f"x{number}", 0.0, 1.0) for number in range(len(encoded[table.recipe]))]
        number = min(encoded, key=lambda each: float(np.square(np.subtract(encoded[each], wanted)).sum()))
        found = table.trials[number, share, RANDOM]
        search.spent += found.spent(100) / table.unit
        search.complete.append(found)
        study.tell(trial, max(found.values.values()))
        search.note()
    return search


def _encoded(point: dict[str, Any]) -> list[float]:
    """Return the numbers of a point that TPE draws, each from 0 to 1."""
    return [
        (math.log(point["learning_rate"]) - math.log(5e-5 / 8)) / math.log(64),
        math.log2(point["batch_size"] / 8) / 3,
        (point["num_train_epochs"] - 1) / 2,
        point["dropout"] / 0.3,
    ]


def _named(values: list[float]) -> dict[str, float]:
    return {f"x{number}": min(1.0, max(0.0, value)) for number, value in enumerate(values)}


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__, rounds=REPLAYS)
    seeds = range(SMALL_REPLAYS if options.small else options.rounds)
    rows, gates, shown = [], [], []
    repeated = 0.0
    for task in ("near", "far"):
        table = read(task)
        parts = {seed: table.part(seed) for seed in seeds}
        found = [ours(parts[seed], seed, STOPPED) for seed in seeds]
        others = [by_tpe(parts[seed], seed, max(BUDGETS)) for seed in seeds]
        repeated += found[0].course != ours(parts[0], 0, STOPPED).course
        for budget in BUDGETS:
            spending = [ours(parts[seed], seed, budget, stops=False) for seed in seeds]
            apart = [one.at(budget)[0] - other.at(budget)[0] for one, other in zip(spending, others, strict=True)]
            mean, error = statistics.mean(apart), statistics.stdev(apart) / len(apart) ** 0.5 * 1.96
            rows.append(
                (
                    task,
                    budget,
                    statistics.mean(each.at(budget)[0] for each in spending),
                    statistics.mean(each.at(budget)[0] for each in others),
                    f"{mean:+.4f} +- {error:.4f}",
                    statistics.mean(each.at(budget)[1] for each in spending),
                    statistics.mean(each.at(budget)[1] for each in others),
                )
            )
            gates.append(Gate(f"{task}, {budget:g} FR: ours less plain TPE", mean, at_least=0.0, unit=""))
        unpruned = max(max(each.values.values()) for key, each in table.trials.items() if key[2] == RANDOM)
        shown.append(
            (
                task,
                len(table.configurations),
                statistics.mean(each.spent for each in found),
                max(each.spent for each in found),
                statistics.mean(each.deeper for each in found),
                max(each.deeper for each in found),
                statistics.mean(each.course[-1][1] for each in found),
                unpruned,
            )
        )
        reasons: dict[str, int] = {}
        for each in found:
            word = each.reasons[-1].partition(" is expected")[0]
            reasons[word] = reasons.get(word, 0) + 1
        say(
            f"\n{task}: it ended {len(found)} times, because " + "; ".join(f"{why} ({n})" for why, n in reasons.items())
        )
    headings = ("task", "FR", "ours", "plain TPE", "difference, 95 %", "ours, test", "TPE, test")
    show(options, f"{len(seeds)} replays a task, all of the budget spent", headings, rows)
    headings = ("task", "configurations", "FR", "most", "deeper", "most", "value", "best of all random heads")
    show(options, f"Where ours may stop by itself, with {STOPPED:g} full runs at most", headings, shown)
    return finish(options, gates=gates, equalities=[Equality("a replay, twice", repeated)])


if __name__ == "__main__":
    sys.exit(main())
