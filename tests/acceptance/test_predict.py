"""What an exported model, or a study's best trial, says of new rows is what plain transformers says."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import LABELS, Tuner
from language_models import write_language_model, write_pairs

pytestmark = pytest.mark.rest
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))
TEXTS = ["w1 good w2", "bad w3", "w4 w5 w6 w7 bad w8 good w9 w10 w11 w12 w13 w14 w15 w16 w17"]


def plain_probabilities(folder: Path, texts: list[str]) -> list[list[float]]:
    """Return the probabilities of classes, by transformers alone and one text at a time."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        inputs = [tokenizer(text, truncation=True, max_length=16, return_tensors="pt") for text in texts]
        return [model(**each).logits[0].double().softmax(dim=0).tolist() for each in inputs]


def plain_completions(folder: Path, prompts: list[str], count: int) -> list[str]:
    """Return greedy completions, by transformers alone and one prompt at a time."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    said = []
    for prompt in prompts:
        inputs = tokenizer(prompt, return_tensors="pt")
        made = model.generate(**inputs, max_new_tokens=count, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        said.append(tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
    return said


def write_texts(path: Path, texts: list[str], column: str = "text") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", column])
        table.writerows(enumerate(texts))
    return path


@pytest.fixture(scope="module")
def exported(finished_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("exported") / "model"
    finished_run.tuner.ok("export", "finished", str(folder), "--no-verify")
    return folder


def test_a_study_and_its_exported_model_say_of_rows_what_transformers_says(
    finished: Tuner, exported: Path, tmp_path: Path
) -> None:
    file = write_texts(tmp_path / "new.csv", TEXTS)
    by_study = finished.json("predict", "finished", str(file))
    assert by_study["trial"] == finished.json("best", "finished")["trial"]
    by_folder = finished.json("predict", str(exported), str(file))
    assert by_study["rows"] == by_folder["rows"]
    assert by_study["labels"] == list(LABELS)
    rows = by_study["rows"]
    assert [row["input"] for row in rows] == TEXTS
    assert [row["place"] for row in rows] == [f"new.csv, line {number}" for number in (2, 3, 4)]
    for row, expected in zip(rows, plain_probabilities(exported, TEXTS), strict=True):
        assert list(row["probabilities"].values()) == pytest.approx(expected, abs=1e-6)
        assert row["label"] == LABELS[expected.index(max(expected))]


def test_lines_are_read_from_standard_input_and_shown_one_a_row(finished: Tuner, exported: Path) -> None:
    done = finished.run("predict", str(exported), "-", stdin=f"{TEXTS[0]}\n\n{TEXTS[1]}\n")
    assert done.returncode == 0, done.stderr
    expected = plain_probabilities(exported, TEXTS[:2])
    width = max(map(len, LABELS))
    assert done.stdout.splitlines() == [
        f"{LABELS[each.index(max(each))]:<{width}}  {max(each):.3f}  {text}"
        for text, each in zip(TEXTS, expected, strict=False)
    ]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_predictions_are_written_into_a_new_file(finished: Tuner, exported: Path, tmp_path: Path, ending: str) -> None:
    lines = "".join(f"{json.dumps({'text': text})}\n" for text in TEXTS)
    (tmp_path / "new.jsonl").write_text(lines, encoding="utf-8")
    output = tmp_path / f"said.{ending}"
    arguments = ("predict", str(exported), str(tmp_path / "new.jsonl"), "--output", str(output))
    assert finished.ok(*arguments).stdout == f"Wrote 3 rows to {output}\n"
    with output.open(encoding="utf-8", newline="") as file:
        rows: list[Any] = list(csv.DictReader(file)) if ending == "csv" else [json.loads(line) for line in file]
    assert [row["input"] for row in rows] == TEXTS
    shares = [row["p(positive)"] if ending == "csv" else row["probabilities"]["positive"] for row in rows]
    assert [float(share) for share in shares] == pytest.approx(
        [each[1] for each in plain_probabilities(exported, TEXTS)]
    )
    again = finished.run(*arguments)
    assert (again.returncode, "exists; give a new file" in again.stderr) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["new.jsonl", output.name])


def test_what_cannot_be_predicted_is_refused_in_a_line(finished: Tuner, exported: Path, tmp_path: Path) -> None:
    file, other = write_texts(tmp_path / "new.csv", ["w1", ""]), write_texts(tmp_path / "other.csv", ["w1"], "words")
    (tmp_path / "plain").mkdir()
    lines, from_input = tmp_path / "lines.txt", "lines of plain text are read from standard input"
    lines.write_text("a wonderful film\nnot for me\nfine, in the end\n", encoding="utf-8")
    pruned = next(t for t in finished.json("trials", "finished")["trials"] if t["state"] == "pruned")["number"]
    refusals = [
        (
            (str(exported), str(other)),
            78,
            f"Error: {other}: data.text: there is no column 'text'; there are id, words",
        ),
        (
            (str(exported), str(file)),
            78,
            f"Error: {file}: data.text: new.csv, line 3: there is nothing in column 'text'",
        ),
        (
            ("finished", "a wonderful film"),
            78,
            f"Error: a wonderful film: no such file; {from_input}: tuner predict finished - < FILE\n",
        ),
        (
            (str(exported), str(lines)),
            78,
            f"; {from_input}: tuner predict {exported} - < {lines}\n",
        ),
        ((str(tmp_path / "plain"), str(file)), 78, f"Error: {tmp_path}/plain: has no tuner.json"),
        (("nobody", str(file)), 1, "Error: no study 'nobody'"),
        (("finished", str(file), "--trial", str(pruned)), 1, f"Error: no weights are kept for trial {pruned}"),
        ((str(exported), str(file), "--trial", "1"), 2, "is a folder with one model"),
        ((str(exported), str(file), "--output", "said.txt"), 2, "give a file that ends with .csv or .jsonl"),
    ]
    for arguments, code, words in refusals:
        done = finished.run("predict", *arguments)
        assert (done.returncode, words in done.stderr) == (code, True), (arguments, done.returncode, done.stderr)
        assert "Traceback" not in done.stderr


def test_a_study_of_own_training_and_one_without_a_complete_trial_are_refused(tuner: Tuner, tmp_path: Path) -> None:
    file = write_texts(tmp_path / "new.csv", ["w1"])
    tuner.ok("start", tuner.toy_study("toy", budget={"trials": 1}), "--lease", "2s")
    killed = replace(tuner, command=(*CRASHING, "claimed", "1", "SIGKILL"))
    assert killed.run("start", tuner.study("begun"), "--lease", "2s").returncode == -signal.SIGKILL
    refused = tuner.run("predict", "begun", str(file))
    assert (refused.returncode, refused.stderr) == (1, "Error: study 'begun' has no complete trial yet\n")
    refused = tuner.run("predict", "toy", str(file))
    assert refused.returncode == 78
    assert "train: only the study's own training knows its models" in refused.stderr


def test_a_language_model_completes_prompts_as_transformers_does(tuner: Tuner) -> None:
    model = write_language_model(tuner.folder / "llama")
    folder = tuner.folder / "pairs"
    folder.mkdir()
    for seed, split in enumerate(("train", "validation")):
        write_pairs(folder / f"{split}.csv", 64, seed=seed)
    study = tuner.study(
        "reversed",
        task="causal-lm",
        model=str(model),
        data={
            "source": str(folder),
            "prompt": "question",
            "completion": "answer",
            "splits": {"train": "train", "validation": "validation"},
        },
        metric="loss",
        search_space={"learning_rate": 1e-2, "batch_size": 8, "num_train_epochs": 2, "frozen_layers": 0},
        budget={"trials": 1},
    )
    tuner.ok("start", study, "--lease", "2s")
    tuner.ok("export", "reversed", "exported", "--no-verify")
    prompts = ["w1 w2", "w3 w4 w5", "w6 w7"]
    write_texts(tuner.folder / "new.csv", prompts, "question")
    found = tuner.json("predict", "reversed", "new.csv", "--max-new-tokens", "5")
    assert found["labels"] == []
    expected = plain_completions(tuner.folder / "exported", prompts, 5)
    assert [row["completion"] for row in found["rows"]] == expected
    assert any(expected)
    lines = tuner.run("predict", os.curdir + "/exported", "-", "--max-new-tokens", "5", stdin="\n".join(prompts))
    assert [line.partition(" -> ")[2] for line in lines.stdout.splitlines()] == [
        " ".join(each.split()) for each in expected
    ]
    long = tuner.run("predict", "reversed", "new.csv")
    assert long.returncode == 78
    assert "new.csv, line 2: its 2 tokens and 64 new ones are more than the 64 that the model takes" in long.stderr
