"""The rows of a study: read, judged, split and given their targets, with an account of each row that was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.errors import DataError
from tuner.study.data_report import DataReport, LeftOut, Lengths, RowCounts
from tuner.training.data.duplicates import shared_with_training, without_duplicates
from tuner.training.data.files.file_rows import Wanted, meaning
from tuner.training.data.files.places import ROW, Places, RowProblem, RowRemark
from tuner.training.data.labels import row_numbers
from tuner.training.data.loading import LoadedRows, load_rows
from tuner.training.data.split_plan import SplitPlan, plan_splits
from tuner.training.data.split_remarks import absent_classes, contradicting_labels, rare_classes
from tuner.training.data.splitting import make_splits
from tuner.training.data.word_columns import column_of, words_of

if TYPE_CHECKING:
    import numpy.typing as npt
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.study.prepared import PreparationRequest
    from tuner.training.progress import Progress
    from tuner.training.tasks import Task


@dataclass(frozen=True, kw_only=True)
class SplitRows:
    """The splits of a study."""

    #: Rows by split, with the input columns, `labels` and `ROW`.
    splits: dict[str, Dataset]
    #: Names of the classes; none where targets are no classes.
    labels: tuple[str, ...]
    #: The column `labels` by split, as one array each.
    targets: Mapping[str, npt.NDArray[Any]]
    reading: tuple[str, ...]
    read: int
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    #: Where each row was read, by its number in the column `ROW`.
    places: Places

    def report(
        self, *, guess: float | None = None, lengths: Lengths | None = None, notes: Sequence[str] = ()
    ) -> DataReport:
        """Return the account, with facts that are known after encoding."""
        sizes = {name: len(rows) for name, rows in self.splits.items()}
        left = sum(each.count for each in self.left_out)
        assert self.read == sum(sizes.values()) + left, "a row was lost between reading and splitting"
        return DataReport(
            reading=self.reading,
            rows=RowCounts(read=self.read, left_out=self.left_out, splits=sizes, classes=self._classes()),
            guess=guess,
            lengths=lengths,
            warnings=(*self.warnings, *notes),
        )

    def _classes(self) -> dict[str, dict[str, int]]:
        if not self.labels:
            return {}
        counts = {name: np.bincount(found, minlength=len(self.labels)) for name, found in self.targets.items()}
        return {
            label: {name: int(found[number]) for name, found in counts.items()}
            for number, label in enumerate(self.labels)
        }


def split_rows(task: Task, request: PreparationRequest, progress: Progress) -> SplitRows:
    """Read the rows of a study and split them.

    Raises:
        DataError: The data are not as the study file says.
        HubAway: The data are on the hub, which does not answer.
    """
    data = request.data
    by_key = {
        **task.columns(data),
        **task.target_columns(data),
        "where": list(data.where),
        "group": [data.group] if data.group is not None else [],
    }
    wanted = Wanted({key: tuple(names) for key, names in by_key.items() if names})

    def plan(present: Iterable[str]) -> SplitPlan:
        return plan_splits(list(present), data.splits)

    loaded, found = load_rows(request.source, data, wanted, plan, request.cache, progress)
    try:
        return _split(task, request, loaded, found)
    except RowProblem as problem:
        place = loaded.places.of_all(problem.rows)
        raise DataError("", problem.key, f"{place}: {problem.reason}") from problem


def _split(task: Task, request: PreparationRequest, loaded: LoadedRows, plan: SplitPlan) -> SplitRows:
    data, rows = _with_names(request.data, loaded.classes), loaded.splits
    if empty := [split for split, name in plan.named.items() if len(rows[name]) == 0]:
        raise DataError("", f"data.splits.{empty[0]}", "is empty")
    warnings = [*loaded.warnings, *(loaded.places.say(remark) for remark in task.examine(rows, data))]
    left_out = list(loaded.left_out)
    if data.deduplicate:
        rows, count, remarks = _deduplicated(task, data, rows, plan)
        warnings += [loaded.places.say(remark) for remark in remarks]
        left_out += [LeftOut("by data.deduplicate", count)] if count else []
    groups = _groups(data, rows, plan)
    labels, names = _strata(loaded, rows, plan, task.stratum(data), data.labels or {})
    carved = make_splits(rows, plan, labels=labels, names=names, groups=groups, seed=request.seed)
    left_out += [LeftOut("not asked for by data.splits", carved.unused)] if carved.unused else []
    if empty := [name for name, split in carved.splits.items() if len(split) == 0]:
        raise DataError("", f"data.splits.{empty[0]}", "is empty")
    splits, classes = task.targets(_without(carved.splits, data, by_task=task), data)
    targets = {name: column_of(split, "labels").to_numpy() for name, split in splits.items()}
    return SplitRows(
        splits=splits,
        labels=classes,
        targets=targets,
        reading=loaded.reading,
        read=loaded.read,
        left_out=tuple(left_out),
        places=loaded.places,
        warnings=(
            *warnings,
            *rare_classes(carved.rare, len(plan.carved)),
            *absent_classes(targets, classes, carved.rare if "validation" in plan.carved else ()),
            *(loaded.places.say(remark) for remark in _repeated(task, data, splits, targets if classes else {})),
        ),
    )


def _with_names(data: DataConfig, classes: Mapping[str, tuple[str, ...]]) -> DataConfig:
    """Return `data` with the names of classes in `labels`, where the study file may have their numbers."""
    names = classes.get(data.label, ())
    if data.labels is None or not names:
        return data
    labels = {meaning(word, names): name for word, name in data.labels.items()}
    if len(labels) < len(data.labels):
        raise DataError("", "data.labels", "has a class by its number and by its name; drop one of the two")
    return data.model_copy(update={"labels": labels})


def _without(splits: Mapping[str, Dataset], data: DataConfig, *, by_task: Task) -> dict[str, Dataset]:
    """Drop the column of groups, unless the task reads it, too."""
    read = [
        name for names in (*by_task.columns(data).values(), *by_task.target_columns(data).values()) for name in names
    ]
    if data.group is None or data.group in read:
        return dict(splits)
    return {name: rows.remove_columns(data.group) for name, rows in splits.items()}


def _deduplicated(
    task: Task, data: DataConfig, rows: dict[str, Dataset], plan: SplitPlan
) -> tuple[dict[str, Dataset], int, list[RowRemark]]:
    identities = {name: task.identities(split, data) for name, split in rows.items()}
    known = {name: found for name, found in identities.items() if found is not None}
    if len(known) < len(rows):
        raise DataError("", "data.deduplicate", "is not known to this task; leave it out")
    # A row that evaluation needs stays there, and goes from training.
    order = [plan.named[split] for split in ("test", "validation") if split in plan.named]
    kept, left = without_duplicates(rows, known, [*order, *(name for name in rows if name not in order)])
    return kept, left, _contradicting(data, rows, known, task.stratum(data)) if left else []


def _contradicting(
    data: DataConfig, rows: Mapping[str, Dataset], identities: Mapping[str, npt.NDArray[np.int64]], column: str | None
) -> list[RowRemark]:
    """Return a remark about equal inputs with different labels among rows that are not split yet."""
    if column is None:
        return []
    names = data.labels or {}
    numbers: dict[str, int] = {}
    classes = []
    for split in rows.values():
        words, index = words_of(split, column)
        found = [numbers.setdefault(names.get(str(word), str(word)), len(numbers)) for word in words]
        classes.append(np.asarray(found, dtype=np.int64)[index])
    return contradicting_labels(
        np.concatenate([identities[name] for name in rows]),
        np.concatenate(classes),
        np.concatenate([column_of(split, ROW).to_numpy() for split in rows.values()]),
        "data.deduplicate keeps one row of each, and with it one label",
    )


def _groups(data: DataConfig, rows: Mapping[str, Dataset], plan: SplitPlan) -> npt.NDArray[np.int64] | None:
    """Return the number of each row's group in the split that is carved, after checking the splits that are named."""
    if data.group is None:
        return None
    found = {name: words_of(rows[name], data.group) for name in plan.needed}
    for name, (words, index) in found.items():
        if None in words:
            missing = np.flatnonzero(index == words.index(None))
            reason = f"there is no group in column {data.group!r}; write one, or remove the row"
            raise RowProblem("data.group", reason, row_numbers(rows[name], missing))
    for number, name in enumerate(plan.needed):
        for other in plan.needed[number + 1 :]:
            if both := sorted(set(map(str, found[name][0])) & set(map(str, found[other][0]))):
                raise DataError(
                    "",
                    "data.group",
                    f"{len(both):,} groups are in {name} and in {other}, such as {both[0]!r}; carve all splits "
                    "from one (sizes or shares in data.splits), or leave data.group out",
                )
    return None if plan.base is None else found[plan.base][1]


def _strata(
    loaded: LoadedRows,
    rows: Mapping[str, Dataset],
    plan: SplitPlan,
    column: str | None,
    given: Mapping[str, str],
) -> tuple[npt.NDArray[np.int64] | None, Sequence[str]]:
    """Return the label of each row of the split that is carved, as a number, and the name of each number's class.

    Labels are numbered in alphabetic order, of their names or, as in version 0.1, of the numbers that the source has
    for them. Two of them may be one class, where the study says so.
    """
    if column is None or plan.base is None:
        return None, ()
    words, index = words_of(rows[plan.base], column)
    shown = [str(word) for word in words]
    numbers = {name: str(number) for number, name in enumerate(loaded.classes.get(column, ()))}
    in_order = {word: rank for rank, word in enumerate(sorted(shown, key=lambda word: numbers.get(word, word)))}
    ranks = np.asarray([in_order[word] for word in shown], dtype=np.int64)
    return (ranks[index] if len(ranks) else index), [given.get(word, word) for word in in_order]


def _repeated(
    task: Task, data: DataConfig, splits: Mapping[str, Dataset], targets: Mapping[str, npt.NDArray[np.int64]]
) -> list[str | RowRemark]:
    """Return remarks about inputs that stand in several rows.

    Args:
        task: The task.
        data: The study's data.
        splits: Rows by split.
        targets: Numbers of classes by split; none where targets are no classes.
    """
    identities = {}
    for name, rows in splits.items():
        found = task.identities(rows, data)
        if found is None:
            return []
        identities[name] = found
    remarks: list[str | RowRemark] = [
        f"{count:,} of {len(splits[name]):,} {name} rows have the same input as a training row; "
        "data.deduplicate: true leaves them out"
        for name, count in shared_with_training(identities).items()
    ]
    if targets:
        remarks += contradicting_labels(
            np.concatenate([identities[name] for name in splits]),
            np.concatenate([targets[name] for name in splits]),
            np.concatenate([column_of(rows, ROW).to_numpy() for rows in splits.values()]),
            "at most one of them can be learnt",
        )
    return remarks
