"""Reading of the rows that a study file names, by the library datasets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import suggestion
from tuner.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datasets import Dataset

    from tuner.study.data_config import DataConfig

#: Name of the one split of a source without splits.
ONLY = "train"
#: Reader and its options, by the ending of a file's name.
_READERS: Mapping[str, tuple[str, dict[str, str]]] = {
    ".csv": ("csv", {}),
    ".tsv": ("csv", {"sep": "\t"}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".parquet": ("parquet", {}),
}
_IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}


def load_rows(source: str, data: DataConfig, columns: Mapping[str, list[str]], cache: Path) -> dict[str, Dataset]:
    """Read a source.

    Args:
        source: Path, URL or hub id, as `tuner.study.sources.find_data` returns it.
        data: The study file's `data`.
        columns: The columns to read, by the key of the study file that names them. All of them must exist.
        cache: Folder in which the library datasets may keep copies of files that it reads.

    Returns:
        The rows by split of the source (one split, `train`, where the source has none). Rows that `where` leaves out
        and other columns are dropped.

    Raises:
        DataError: The source cannot be read, a column is missing, or no row is left.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        loaded = _load(source, data, cache / "datasets")
    except DataError:
        raise
    except Exception as error:  # each reader of datasets raises errors of its own kind
        raise DataError("", "data.source", f"{source} cannot be read: {_reason(error)}") from error
    splits = {str(name): rows for name, rows in loaded.items() if len(rows)}
    if not splits:
        raise DataError("", "data.source", f"{source} has no rows")
    kept = {}
    for name, rows in splits.items():
        _check_columns(rows.column_names, columns, data.where)
        filtered = _where(rows, data.where)
        if len(filtered):
            kept[name] = filtered.select_columns([column for names in columns.values() for column in names])
    if not kept:
        raise DataError("", "data.where", f"{dict(data.where)!r} leaves no row of {source}")
    return kept


def _load(source: str, data: DataConfig, cache: Path) -> Mapping[str, Dataset]:
    from datasets import DatasetDict, load_dataset, load_from_disk

    path = Path(source)
    if "://" in source or path.is_file():
        reader = _READERS.get(Path(source.split("?")[0]).suffix.lower())
        if reader is None:
            raise DataError("", "data.source", f"{source}: no csv, tsv, json, jsonl or parquet file")
        return load_dataset(reader[0], data_files={ONLY: source}, cache_dir=str(cache), **reader[1])
    if not path.is_dir():
        return load_dataset(source, data.subset, revision=data.revision, cache_dir=str(cache))
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        stored = load_from_disk(source)
        return stored if isinstance(stored, DatasetDict) else {ONLY: stored}
    if any(file.suffix.lower() in _IMAGES for file in path.rglob("*")):
        return load_dataset("imagefolder", data_dir=source, cache_dir=str(cache))
    files = {file.stem: str(file) for file in sorted(path.iterdir()) if file.suffix.lower() in _READERS}
    if not files:
        raise DataError("", "data.source", f"{source} holds no csv, json or parquet file and no image")
    endings = sorted({Path(file).suffix.lower() for file in files.values()})
    builder, options = _READERS[endings[0]]
    if any(_READERS[ending] != (builder, options) for ending in endings):
        raise DataError("", "data.source", f"{source} mixes {' and '.join(endings)} files; name one")
    read: Mapping[str, Dataset] = load_dataset(builder, data_files=files, cache_dir=str(cache), **options)
    return read


def _check_columns(present: Iterable[str], wanted: Mapping[str, list[str]], where: Mapping[str, Any]) -> None:
    present = list(present)
    for key, names in [*wanted.items(), ("where", list(where))]:
        for name in names:
            if name not in present:
                raise DataError(
                    "",
                    f"data.{key}",
                    f"there is no column {name!r}{suggestion(name, present)}; there are {', '.join(present)}",
                )


def _where(rows: Dataset, where: Mapping[str, Any]) -> Dataset:
    for column, wanted in where.items():
        allowed = wanted if isinstance(wanted, list) else [wanted]
        rows = rows.select([index for index, value in enumerate(rows[column][:]) if value in allowed])
    return rows


def _reason(error: BaseException) -> str:
    # datasets wraps the reader's error, and the innermost message is the one that helps.
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
