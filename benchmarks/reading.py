"""Reading: a csv file of 1,000,000 rows (200 MB) to encoded splits, this project beside the library datasets.

The file has a text with commas, a label, and two columns that no study needs. Both sides read it, cut a validation
split of a fifth, tokenise to 32 tokens with MiniLM's tokenizer, and write the encoded splits to disk.

- ours: `prepare`, all of it: the dialect is found, each cell stays the text that it was, rows are judged, hashed and
  accounted for, splits are stratified, and the model is built.
- datasets: `load_dataset("csv")`, which takes types for granted, `train_test_split`, `map` and `save_to_disk`.

Both must encode the same rows with the same labels: a sum of hashes over all rows says so. Each measurement is a fresh
process of one thread; systems take turns. Imports are left out of the time and of the memory. Memory is the private
memory of the process, sampled, at its highest, above that after the imports. Pages of a file that no other process has
mapped are part of it.
"""

from __future__ import annotations

import csv
import random
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from measuring import interleave, measure, measure_here, median, section
from texts import MODEL, REVIEWS, SEED, quiet
from verdicts import Equality, Gate, Options, finish, parse, show

ROWS, SMALL_ROWS = 1_000_000, 20_000
MAX_LENGTH = 32
VALIDATION = 0.2
#: Characters of a text, so that a row has about 200 bytes.
TEXT = 170
#: Seconds between two looks at the memory.
LOOK_S = 0.05
TIME_GATE, MEMORY_GATE = 1.2, 3.0


def write_rows(path: Path, rows: int) -> None:
    """Write the file: words of real film reviews, a comma in most texts, the labels `pos` and `neg`."""
    from tuner.study.sources import find_package_path

    with find_package_path(REVIEWS, "data").open(newline="", encoding="utf-8") as file:
        words = [word for row in islice(csv.DictReader(file), 4000) for word in row["text"].split()]
    rng = random.Random(SEED)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "source", "label"])
        for number in range(rows):
            start = rng.randrange(len(words) - 60)
            text = " ".join(words[start : start + 60])[:TEXT].strip()
            writer.writerow([f"{number:07}", f"{text} {number}", "films", "pos" if rng.random() < 0.5 else "neg"])


def read_ours(path: str, cache: str) -> dict[str, Any]:
    """Prepare a study on the file."""
    import tuner.training.calls  # noqa: F401 (imports all that a preparation process has imported)
    from tuner.study.data_config import DataConfig
    from tuner.study.prepared import PreparationRequest
    from tuner.study.sources import find_model
    from tuner.training.preparation import prepare

    quiet()
    request = PreparationRequest(
        task="text-classification",
        model=find_model(MODEL, None),
        data=DataConfig(source=path, splits={"train": 1 - VALIDATION, "validation": VALIDATION}),
        source=path,
        max_length=MAX_LENGTH,
        seed=SEED,
        metric="accuracy",
        cache=Path(cache),
    )
    with private_memory() as held, section() as spent:
        prepared = prepare(request)
    folders = [prepared.folder / split for split in ("train", "validation")]
    return {"cpu_s": spent.cpu_s, "bytes": held[0], **contents(folders, prepared.labels)}


def read_theirs(path: str, cache: str) -> dict[str, Any]:
    """Do the same as one does with the library datasets."""
    import datasets
    import transformers

    import tuner.training.calls  # noqa: F401 (the same imports as ours)
    from tuner.study.sources import find_model

    quiet()
    location = find_model(MODEL, None).location
    folders = [Path(cache) / split for split in ("train", "test")]
    with private_memory() as held, section() as spent:
        tokenizer = transformers.AutoTokenizer.from_pretrained(location)
        rows = datasets.load_dataset("csv", data_files=path, cache_dir=f"{cache}/datasets")["train"]
        rows = rows.select_columns(["text", "label"]).class_encode_column("label")
        splits = rows.train_test_split(VALIDATION, seed=SEED, stratify_by_column="label")
        encoded = splits.map(
            lambda batch: tokenizer(batch["text"], truncation=True, max_length=MAX_LENGTH),
            batched=True,
            remove_columns=["text"],
        )
        for folder in folders:
            encoded[folder.name].save_to_disk(str(folder))
    return {"cpu_s": spent.cpu_s, "bytes": held[0], **contents(folders, encoded["train"].features["label"].names)}


def contents(folders: Sequence[Path], labels: Sequence[str]) -> dict[str, Any]:
    """Return the number of encoded rows, and a sum of hashes of their tokens and labels that no order changes."""
    import zlib

    from datasets import load_from_disk

    rows, total = 0, 0
    for folder in folders:
        found = load_from_disk(str(folder))
        column = "labels" if "labels" in found.column_names else "label"
        for batch in found.select_columns([column, "input_ids"]).with_format("arrow").iter(10_000):
            for label, tokens in zip(batch.column(column).to_pylist(), batch.column("input_ids"), strict=True):
                ids = tokens.values.to_numpy().astype("int32").tobytes()
                total += zlib.crc32(ids + labels[label].encode())
            rows += len(batch)
    return {"rows": rows, "sum": total}


@contextmanager
def private_memory() -> Iterator[list[int]]:
    """Sample the private memory of this process; the list holds its highest growth in bytes when the block is left."""
    before, highest = _private(), [0]
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            highest[0] = max(highest[0], _private() - before)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield highest
    finally:
        over.set()
        watcher.join()


def _private() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__)
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "rows.csv"
        write_rows(path, SMALL_ROWS if options.small else ROWS)
        caller = measure_here if options.small else measure

        def once(function: Any) -> Any:
            with tempfile.TemporaryDirectory(dir=home) as cache:
                return caller(function, path=str(path), cache=cache)

        systems = {"ours": partial(once, read_ours), "datasets": partial(once, read_theirs)}
        return _finish(options, interleave(systems, options.rounds), path.stat().st_size)


def _finish(options: Options, found: dict[str, list[Any]], size: int) -> int:
    rows, equalities = [], []
    first = found["datasets"][0].report
    for name, rounds in found.items():
        seconds = median(rounds, lambda one: one.report["cpu_s"])
        held = median(rounds, lambda one: one.report["bytes"])
        rows.append((name, 1e6 * seconds / first["rows"], held / 2**20, held / size))
        for key in ("rows", "sum"):
            difference = max(abs(one.report[key] - first[key]) for one in rounds)
            equalities.append(Equality(f"{key} of {name}", float(difference)))
    title = f"{first['rows']:,} rows, {size / 2**20:.0f} MiB: read, split, encoded"
    show(options, title, ("system", "CPU-s a million rows", "private MiB", "of the file"), rows)
    gates = [
        Gate("time beside datasets", rows[0][1] / rows[1][1], at_most=TIME_GATE),
        Gate("private memory beside the file", rows[0][3], at_most=MEMORY_GATE),
    ]
    return finish(options, gates=gates, equalities=equalities)


if __name__ == "__main__":
    sys.exit(main())
