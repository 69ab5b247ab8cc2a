"""`tuner init` looks at data and a model, and writes a study file that passes `tuner check`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from acceptance_support import Tuner, write_csv
from typing_person import answer


def reviews(folder: Path, *, good: int, bad: int) -> Path:
    path = folder / "reviews.csv"
    rows = [(f"good w{each}", "pos") for each in range(good)] + [(f"bad w{each}", "neg") for each in range(bad)]
    write_csv(path, ["review", "verdict"], [*rows, rows[0]])
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data", "x.csv"), "--data needs --model too"),
        (("--label", "x"), "--label needs --data too"),
        (("--example", "study", "--data", "x.csv"), "--example looks at nothing; drop it, or --data"),
        (("a.yaml", "--output", "b.yaml"), "give PATH or --output, not both"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tuner: Tuner, arguments: tuple[str, ...], words: str) -> None:
    done = tuner.run("init", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert list(tuner.folder.iterdir()) == []


def test_data_that_are_not_there_are_bad_configuration_and_write_nothing(tuner: Tuner) -> None:
    done = tuner.run("init", "--data", "nowhere.csv", "--model", str(tuner.model))
    assert done.returncode == 78
    assert done.stderr.startswith("Error: tuner init: data.source: ")
    assert "nowhere.csv: no such file or folder" in done.stderr
    assert list(tuner.folder.iterdir()) == []


def test_a_file_that_exists_is_overwritten_with_force_alone(tuner: Tuner) -> None:
    path = tuner.folder / "mine.yaml"
    path.write_text("name: mine\n", encoding="utf-8")
    arguments = ("init", "--data", "nowhere.csv", "--model", "nowhere", "--output", "mine.yaml")
    assert "mine.yaml exists; give another path, or --force" in tuner.run(*arguments).stderr
    assert tuner.run("init", "mine.yaml").returncode == 2
    assert path.read_text(encoding="utf-8") == "name: mine\n"
    tuner.ok("init", "mine.yaml", "--force")
    assert "name: my-study" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [("reviews.csv",), ("reviews.csv", "--force"), ("--output", "reviews.csv", "--force")]
)
def test_data_that_are_given_as_the_file_to_write_are_left_as_they_are(
    tuner: Tuner, arguments: tuple[str, ...]
) -> None:
    path = reviews(tuner.folder, good=2, bad=2)
    before = path.read_bytes()
    done = tuner.run("init", *arguments)
    words = "Error: reviews.csv is no name of a study file; for data: tuner init --data reviews.csv --model MODEL\n"
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert (list(tuner.folder.iterdir()), path.read_bytes()) == ([path], before)


@pytest.mark.parametrize("name", ["pictures", "pictures.yaml"])
def test_a_folder_is_no_file_to_write(tuner: Tuner, name: str) -> None:
    (tuner.folder / name).mkdir()
    done = tuner.run("init", name, "--force")
    words = f"{name} is no name of a study file; for data: tuner init --data {name} --model MODEL"
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    "arguments", [("mine",), ("--data", "reviews.csv", "--model", "nowhere", "--output", "mine", "--force")]
)
def test_a_file_to_write_without_the_ending_of_a_study_file_is_refused(
    tuner: Tuner, arguments: tuple[str, ...]
) -> None:
    done = tuner.run("init", *arguments)
    assert (done.returncode, "mine is no name of a study file; give one that ends with .yaml" in done.stderr) == (
        2,
        True,
    )
    assert list(tuner.folder.iterdir()) == []


def test_data_that_are_checked_as_a_study_are_told_how_they_get_one(tuner: Tuner) -> None:
    path = tuner.folder / "reviews.csv"
    path.write_text("text,label\nnote: it is: bad,neg\n", encoding="utf-8")
    done = tuner.run("check", "reviews.csv")
    how = "`tuner init --data reviews.csv --model MODEL` writes one for data"
    assert (done.returncode, done.stderr) == (78, f"Error: reviews.csv: is no study file; {how}\n")


@pytest.mark.rest
def test_the_file_says_what_was_seen_and_passes_check(tuner: Tuner) -> None:
    data = reviews(tuner.folder, good=60, bad=15)
    done = tuner.ok("init", "--data", str(data), "--model", str(tuner.model))
    assert done.stdout.startswith("Wrote reviews.yaml. Next: tuner check reviews.yaml\n")
    text = (tuner.folder / "reviews.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    assert document["data"] == {
        "source": "./reviews.csv",
        "text": "review",
        "label": "verdict",
        "deduplicate": True,
        "splits": {"train": 0.6, "validation": 0.2, "test": 0.2},
    }
    assert (document["name"], document["task"], document["metric"]) == ("reviews", "text-classification", "f1_macro")
    assert document["max_length"] == 8
    assert "# not accuracy: the largest class has 36 training rows, the smallest 9" in text
    assert "# rows that repeat the text or picture of another one: 1" in text
    assert "# cuts nothing: the longest text has" in text
    assert "#   rows: 76 read; train 45, validation 15, test 15; left out: 1 by data.deduplicate" in text
    checked = tuner.run("check", "reviews.yaml", timeout=60)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.endswith("reviews.yaml: sound. Next: tuner start reviews.yaml\n")


@pytest.mark.rest
def test_in_a_terminal_it_asks_and_what_is_not_there_is_asked_for_again(tuner: Tuner) -> None:
    reviews(tuner.folder, good=20, bad=20)
    answers = [
        (b"Data: ", "./review.csv"),
        (b"review.csv: no such file or folder.", None),
        (b"Data: ", "reviews.csv"),
        (b"Model: a name on huggingface.co, a folder, or package:NAME/PATH [", "./nowhere"),
        (b"nowhere': no such folder.", None),
        (b"Model: ", "nobody/nothing"),
        (b"model 'nobody/nothing' is not cached here", None),
        (b"Model: ", str(tuner.model)),
        (b"Study file to write [reviews.yaml]: ", "reviews.csv"),
        (b"reviews.csv is no name of a study file; give one that ends with .yaml.", None),
        (b"Study file to write [reviews.yaml]: ", "asked.yaml"),
        (b"Column of the text [review]: ", ""),
        (b"Column of the label [verdict]: ", "vote"),
        (b"There is no column 'vote'; there are review, verdict.", None),
        (b"Column of the label [verdict]: ", ""),
        (b"Wrote asked.yaml. Next: tuner check asked.yaml", None),
    ]
    answer(tuner, "init", answers=answers)
    assert yaml.safe_load((tuner.folder / "asked.yaml").read_text(encoding="utf-8"))["metric"] == "accuracy"
