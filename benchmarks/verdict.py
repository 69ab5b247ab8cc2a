"""Whether the verdict can be believed: on random labels, where a better trial is known, and of what a winner is worth.

    benchmarks/verdict.py            # 20 minutes; --rounds says how many seeds, 10
    benchmarks/verdict.py --small    # one seed, the smallest size

Film reviews, heads alone on cached hidden states, by the product's own training and judgement of the test split.
Four sizes, seeds 0 to 9. In each study twelve configurations are drawn from the preset, and trial 0 is the recipe.

`random`: labels are drawn anew, so that no trial is better than another one: a verdict is better or worse by mistake.
`planted`: labels are true, and the rate of trial 0 is spoilt: the verdict is to be better.
`true`: labels are true. The value of the winner on the validation split, less its value on the test split: raw; what
`tuner best` expects of it on other rows; and as `tuner confirm` shrinks it. A value that is worth what it says is off
by nothing in the mean.
"""

from __future__ import annotations

import csv
import random
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from depths import EXAMPLE, run_of
from points import draw_points
from texts import quiet
from verdicts import Equality, Gate, finish, parse, say, show

SEEDS, CONFIGURATIONS = 10, 12
#: Rows of training, validation and test.
SIZES = ((60, 60, 60), (120, 100, 120), (240, 160, 240), (480, 240, 480))
#: Learning rate of trial 0 where it is spoilt.
SPOILT = 1e-7
#: Verdicts by mistake among forty, and of ten planted ones those that are found.
MISTAKES, FOUND = 3, 9


def reviews(rows: int, seed: int) -> list[tuple[str, str]]:
    """Return reviews with their labels."""
    import pandas

    from tuner.study.sources import find_data

    study = _example()
    frame = pandas.read_csv(find_data(study["data"]["source"]))
    frame = frame[frame["source"] == study["data"]["where"]["source"]]
    some = frame.sample(rows, random_state=seed)
    return list(zip(some["text"], some["label"].astype(str), strict=True))


def _example() -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    return found


def study_of(sizes: tuple[int, int, int], seed: int, folder: Path, *, is_random: bool) -> dict[str, Any]:
    """Write the data of a study; return the content of its file."""
    rows = reviews(sum(sizes), seed)
    if is_random:
        rng = random.Random(seed)
        rows = [(text, rng.choice(("neg", "pos"))) for text, _ in rows]
    path = folder / f"{'random' if is_random else 'true'}-{seed}-{sizes[0]}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(["text", "label"])
        written.writerows(rows)
    splits = dict(zip(("train", "validation", "test"), sizes, strict=True))
    data = {"source": str(path), "text": "text", "label": "label", "splits": splits}
    return {**_example(), "name": path.stem, "data": data, "seed": seed}


class Searched:
    """A study of heads alone: trial 0 is the recipe, the others are drawn.

    Args:
        study: The content of the study file.
        folder: Where caches are.
        count: Configurations beside trial 0.
        spoilt: Learning rate of trial 0; None leaves that of the recipe.
    """

    def __init__(self, study: dict[str, Any], folder: Path, count: int, spoilt: float | None = None) -> None:
        from search_spaces import Hyperparameters

        self._folder = folder
        self._run = run_of("far", folder, study)
        self._run = replace(self._run, looks=(50, 100))
        points = [{**point, "frozen_layers": 1.0} for point in draw_points(study, count, seed=study["seed"])]
        recipe = self._run.hyperparameters
        first = replace(recipe, learning_rate=spoilt or recipe.learning_rate, head_learning_rate_factor=50.0)
        self.points = [first, *(Hyperparameters.from_values(point) for point in points)]
        self.rows: list[Any] = []
        self.values = [self._train(number, point) for number, point in enumerate(self.points)]

    def _train(self, number: int, point: Any) -> float:
        from tuner.training.loop import train
        from tuner.trial.saver import NoSaver

        home = self._home(number)
        home.mkdir(parents=True, exist_ok=True)

        class Keeps(NoSaver):
            def keep(self, evaluation: Any, write: Any) -> None:
                write(home)

        run = replace(self._run, number=number, hyperparameters=point, saver=Keeps())
        best = max(train(run), key=lambda evaluation: evaluation.value)
        self.rows.append(best.rows)
        return float(best.value)

    def _home(self, number: int) -> Path:
        return self._folder / "weights" / str(number)

    @property
    def winner(self) -> int:
        """Number of the best trial on the validation split; of equal ones the first."""
        return max(range(len(self.values)), key=lambda number: (self.values[number], -number))

    def judged(self) -> tuple[Any, float]:
        """Return the verdict, and the winner's value on the test split."""
        from tuner.study.verdict import Opening, Verdict
        from tuner.training.held_out import Candidate, judge

        numbers = tuple(sorted({0, self.winner}))
        runs = [replace(self._run, number=n, hyperparameters=self.points[n]) for n in numbers]
        found = judge([Candidate(run=run, weights=self._home(run.number)) for run in runs], "test")
        opening = Opening(winner=self.winner, trials=numbers)
        verdict = Verdict.of(opening, found, metric="accuracy", direction="maximize")
        return verdict, verdict.test_value

    def expected(self, rows: int) -> float:
        """Return what is expected of the winner on other rows."""
        import numpy as np

        from tuner.study.optimism import expected_score
        from tuner.trial.row_bits import unpacked

        return min(self.values[self.winner], expected_score(np.stack([unpacked(each, rows) for each in self.rows])))

    def shrunk(self, rows: int) -> float:
        """Return the winner's value after shrinking."""
        from tuner.study.confirmation import shrunk_by_depth
        from tuner.study.noise import standard_error

        noise = standard_error(self.values[self.winner], rows, "maximize")
        values = shrunk_by_depth({number: (1.0, value) for number, value in enumerate(self.values)}, noise)
        return values[self.winner]


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__, rounds=SEEDS)
    quiet()
    seeds = range(1 if options.small else options.rounds)
    sizes = SIZES[:1] if options.small else SIZES
    count = 2 if options.small else CONFIGURATIONS
    words: dict[str, list[str]] = {"random": [], "planted": []}
    raw: list[float] = []
    changed = 0
    expected: list[float] = []
    shrunk: list[float] = []
    with tempfile.TemporaryDirectory() as root:
        for rows in sizes:
            for seed in seeds:
                folder = Path(root) / f"{rows[0]}-{seed}"
                folder.mkdir()
                chance = Searched(study_of(rows, seed, folder, is_random=True), folder, count)
                told = chance.judged()[0]
                changed += told != chance.judged()[0]
                words["random"].append(str(told.word))
                true = study_of(rows, seed, folder, is_random=False)
                searched = Searched(true, folder, count)
                _, test = searched.judged()
                raw.append(searched.values[searched.winner] - test)
                expected.append(searched.expected(rows[1]) - test)
                shrunk.append(searched.shrunk(rows[1]) - test)
                if rows == sizes[-1]:
                    words["planted"].append(str(Searched(true, folder, count, SPOILT).judged()[0].word))
            say(f"  {rows[0]} rows of training: {len(words['random'])} studies")
    better, worse = (words["random"].count(word) for word in ("better", "worse"))
    found = words["planted"].count("better")
    show(
        options,
        "Verdicts",
        ("labels", "studies", "better", "not distinguishable", "worse"),
        [
            (name, len(told), told.count("better"), told.count("indistinguishable"), told.count("worse"))
            for name, told in words.items()
        ],
    )
    rows_shown = [
        (name, statistics.mean(values), _error(values))
        for name, values in (("raw", raw), ("expected", expected), ("shrunk", shrunk))
    ]
    show(options, "The winner's value less its test value", ("value", "mean", "standard error"), rows_shown)
    share = len(words["random"]) / (SEEDS * len(SIZES))
    gates = [
        Gate("random labels: better by mistake", float(better), at_most=max(1.0, MISTAKES * share), unit=""),
        Gate("random labels: worse by mistake", float(worse), at_most=max(1.0, MISTAKES * share), unit=""),
    ]
    if not options.small:
        gates += [
            Gate("planted: called better", found / len(words["planted"]), at_least=FOUND / 10, unit=""),
            Gate(
                "expected value: error in the mean",
                abs(statistics.mean(expected)),
                at_most=2 * _error(expected),
                unit="",
            ),
            Gate("shrunk value: error in the mean", abs(statistics.mean(shrunk)), at_most=2 * _error(shrunk), unit=""),
            Gate("raw value: error in the mean", statistics.mean(raw), at_least=2 * _error(raw), unit=""),
        ]
    return finish(options, gates=gates, equalities=[Equality("a verdict, twice", float(changed))])


def _error(values: list[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


if __name__ == "__main__":
    sys.exit(main())
