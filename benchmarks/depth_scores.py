"""Which score of hidden states tells best how well a head does on them: H-score, LogME, or a linear classifier.

    benchmarks/depth_scores.py            # a minute; --rounds says how many draws of rows, 8
    benchmarks/depth_scores.py --small    # few rows, two draws

The hidden states after each layer, of the two tasks of `depths.py`. What is to be told is the accuracy on the
validation split of a logistic regression that is fitted on all rows of the training split. Each score sees fewer rows,
drawn anew in each round; its Spearman correlation with that accuracy is taken over the depths of a task, and over those
of both. For both, a score is shared out between guessing and its greatest value where it has one: the accuracy, and the
H-score, which is at most the number of classes less one. LogME has none.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from depths import run_of, study_of
from verdicts import Equality, Gate, finish, parse, show

ROUNDS, SMALL_ROUNDS = 8, 2
ROWS, SMALL_ROWS = (100, 250, 500), (39,)


def h_score(features: Any, classes: Any) -> float:
    """Return the H-score: the part of the features' variance that the classes explain, each direction weighing alike.

    It is the trace of pinv(cov(F)) cov(E[F | class]) (Bao et al., ICIP 2019), with the shrunk covariance of Ibrahim et
    al. (2021, arXiv 2110.06893), which fewer rows than features need. A higher score is better; it is at most the
    number of classes less one.

    Args:
        features: Shape: (rows, features).
        classes: Shape: (rows,).
    """
    centred = features - features.mean(axis=0)
    rows, width = centred.shape
    covariance = centred.T @ centred / rows
    # Ledoit and Wolf (2004): towards a multiple of the identity, as far as the rows leave the covariance uncertain.
    scale = float(np.trace(covariance)) / width
    distance = float(((covariance - scale * np.eye(width)) ** 2).sum())
    squares = centred**2
    uncertain = float((squares.T @ squares / rows - covariance**2).sum()) / rows
    alpha = min(1.0, uncertain / distance) if distance > 0 else 1.0
    shrunk = (1 - alpha) * covariance + alpha * scale * np.eye(width)
    names = np.unique(classes)
    means = np.stack([centred[classes == each].mean(axis=0) for each in names])
    weights = np.asarray([(classes == each).mean() for each in names])
    between = (means * weights[:, None]).T @ means
    return float((1 - alpha) * np.trace(np.linalg.pinv(shrunk, hermitian=True) @ between))


def states_of(task: str, folder: Path, *, small: bool) -> tuple[dict[int, Any], Any, dict[int, Any], Any]:
    """Return the mean hidden states by depth and the classes, of the training and of the validation split."""
    import torch

    from tuner.training.data.encoded import EncodedData
    from tuner.training.model.loading import build_model
    from tuner.training.tasks import get_task
    from tuner.training.trunk.forward import ForwardPasses

    study = study_of(task, folder)
    if small:
        study["data"]["splits"] = {"train": 39, "validation": 26, "test": 26}
    run = run_of(task, folder, study)
    declared = get_task(run.task)
    data = EncodedData.open(run.data, declared.examples, run.anatomy.padding)
    blueprint = declared.blueprint(run.model, data.labels, run.seed, run.anatomy.padding)
    model = build_model(blueprint, dropout=0.0).eval()
    depths = [*range(1, run.anatomy.count + 1)]
    passes = ForwardPasses(model, run.anatomy, data, torch.device("cpu"), depths=depths, speed=run.speed)
    passes.take_states(None, {}, (), cached=None)
    found: list[Any] = []
    for split in ("train", "validation"):
        rows = passes.chosen(split, None)
        with torch.no_grad():
            found += [passes.mean_states(split, rows, depths), passes.targets(split, rows).numpy()]
    return tuple(found)  # type: ignore[return-value]


class _Task:
    """A task whose hidden states are known.

    Args:
        states: Mean hidden states of the training split by depth.
        classes: Their classes.
        others: Mean hidden states of the validation split by depth.
        truth: Their classes.
    """

    def __init__(self, states: dict[int, Any], classes: Any, others: dict[int, Any], truth: Any) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.states, self.classes = states, classes
        #: By depth, the accuracy of a logistic regression on the validation split.
        self.told: list[float] = []
        for depth, each in states.items():
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)).fit(each, classes)
            self.told.append(float((model.predict(others[depth]) == truth).mean()))
        self._guess = float(np.bincount(truth).max() / len(truth))

    def draw(self, rng: np.random.Generator, rows: int, folds: int) -> Any:
        """Return rows at random, of which each class has as many as there are folds."""
        chosen = rng.permutation(len(self.classes))[:rows]
        names, counts = np.unique(self.classes[chosen], return_counts=True)
        return chosen[np.isin(self.classes[chosen], names[counts >= folds])]

    def shared(self, name: str, values: list[float], classes: int) -> list[float]:
        """Return scores as shares of the way from guessing to the best possible one, where that is known."""
        if name == "accuracy":
            return [(each - self._guess) / (1 - self._guess) for each in values]
        return [each / (classes - 1) for each in values] if name == "H-score" else values


def main() -> int:
    """Run the benchmark; return the exit code."""
    from scipy.stats import spearmanr

    from tuner.training.head.depth_scores import FOLDS, accuracy, logme

    options = parse(__doc__, rounds=ROUNDS)
    folder = Path(tempfile.gettempdir()) / "tuner-depths"
    folder.mkdir(exist_ok=True)
    scores = {"accuracy": accuracy, "H-score": h_score, "LogME": logme}
    tasks = [_Task(*states_of(task, folder, small=options.small)) for task in ("near", "far")]
    #: By score and rows: correlations over the depths of each task, and over those of both.
    within: dict[tuple[str, int], list[float]] = {}
    across: dict[tuple[str, int], list[float]] = {}
    for number in range(SMALL_ROUNDS if options.small else options.rounds):
        rng = np.random.default_rng(number)
        for rows in SMALL_ROWS if options.small else ROWS:
            draws = [task.draw(rng, rows, FOLDS) for task in tasks]
            for name, score in scores.items():
                pooled: list[float] = []
                for task, chosen in zip(tasks, draws, strict=True):
                    found = [score(states[chosen], task.classes[chosen]) for states in task.states.values()]
                    within.setdefault((name, rows), []).append(float(spearmanr(found, task.told)[0]))
                    pooled += task.shared(name, found, len(np.unique(task.classes[chosen])))
                told = [each for task in tasks for each in task.shared("accuracy", task.told, 0)]
                across.setdefault((name, rows), []).append(float(spearmanr(pooled, told)[0]))
    table = [
        (name, rows, statistics.fmean(within[name, rows]), statistics.fmean(across[name, rows]))
        for name, rows in within
    ]
    show(options, "Spearman correlation with the accuracy of a head", ("score", "rows", "a task", "both tasks"), table)
    gates = []
    found = [
        {
            name: [score(states, tasks[0].classes) for states in tasks[0].states.values()]
            for name, score in scores.items()
        }
        for _ in range(2)
    ]
    if not options.small:
        for kind, where in ((within, "within a task"), (across, "over both tasks")):
            mine = statistics.fmean(kind["LogME", ROWS[-1]])
            best = max(statistics.fmean(kind[name, ROWS[-1]]) for name in scores)
            gates.append(
                Gate(f"the best score less LogME, {ROWS[-1]} rows, {where}", best - mine, at_most=0.05, unit="")
            )
    return finish(options, gates=gates, equalities=[Equality("the scores, twice", float(found[0] != found[1]))])


if __name__ == "__main__":
    sys.exit(main())
