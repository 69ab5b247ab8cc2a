"""What a language model writes behind the prompts of a split, and how it is judged."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from language_models import CHAT_TEMPLATE, words_tokenizer, write_chats, write_language_model
from transformers import AutoModelForCausalLM, GenerationConfig

from search_spaces import Hyperparameters
from tuner.errors import ConfigError, ModelError
from tuner.processes.functions import find_function
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest
from tuner.training.data.encoded import EncodedData
from tuner.training.held_out import Candidate, judge
from tuner.training.loop import train
from tuner.training.model.generation import completions
from tuner.training.model.loading import build_model
from tuner.training.model.weights import restore_weights
from tuner.training.preparation import prepare
from tuner.training.tasks.causal_lm import TASK
from tuner.trial.evaluation import Evaluation
from tuner.trial.looks import LOOKS
from tuner.trial.run import Generation, ModelSource, TrialRun
from tuner.trial.saver import NoSaver

pytestmark = pytest.mark.rest

#: A module of the user's.
MODULE = """
def length(prompt, completion, reference):
    assert prompt.split()
    return 1 / (1 + abs(len(completion.split()) - len(reference.split())))

def fails(prompt, completion, reference):
    raise KeyError("no such word")

def unknown(prompt, completion, reference):
    return float("nan")
"""


def slow(model: Any, prompt: list[int], most: int, stop: int) -> list[int]:
    """Write one token after the other, each from the whole text."""
    made: list[int] = []
    with torch.no_grad():
        while len(made) < most:
            token = int(model(input_ids=torch.tensor([[*prompt, *made]])).logits[0, -1].argmax())
            if token == stop:
                break
            made.append(token)
    return made


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_prompts_are_completed_together_as_each_alone(kind: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(write_language_model(tmp_path, kind, initializer_range=1.0)).eval()
    model.config.use_cache = False
    # What a model's authors advise for conversations is no part of the judgement.
    model.generation_config = kept = GenerationConfig(do_sample=True, temperature=5.0, repetition_penalty=3.0)
    draw = np.random.default_rng(0)
    prompts = [draw.integers(4, 34, length).tolist() for length in (3, 9, 1, 5, 3, 60)]
    # The token that one of the completions has in its middle ends a text.
    stop = slow(model, prompts[0], 8, -1)[4]
    alone = [slow(model, prompt, min(8, 64 - len(prompt)), stop) for prompt in prompts]
    state = torch.get_rng_state()
    for size in (64, 2):
        made = completions(model, prompts, most=8, stops=[1, stop], padding=3, size=size, leaving=lambda: False)
        assert made == [each[: each.index(1)] if 1 in each else each for each in alone]
    assert len(alone[-1]) <= 4, "the model has 64 positions"
    assert torch.equal(torch.get_rng_state(), state)
    assert model.generation_config is kept


def test_a_trial_that_is_about_to_be_moved_writes_no_more(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(write_language_model(tmp_path)).eval()
    assert completions(model, [[4]], most=2, stops=[], padding=3, size=1, leaving=lambda: True) is None


# ---- judged in a trial


def run_of(folder: Path, **changes: Any) -> TrialRun:
    model = ModelSource(location=str(write_language_model(folder / "model", chat_template=CHAT_TEMPLATE)))
    rows = folder / "rows"
    rows.mkdir()
    for seed, (split, count) in enumerate((("train", 60), ("validation", 24), ("test", 20))):
        write_chats(rows / f"{split}.jsonl", count, seed=seed)
    (folder / "words_of_a_user.py").write_text(MODULE)
    data = DataConfig(
        source=str(rows), messages="messages", splits={each: each for each in ("train", "validation", "test")}
    )
    values: dict[str, Any] = {
        "metric": "exact_match", "generate": Generation(rows=10, max_new_tokens=6, folders=(str(folder),)), **changes
    }  # fmt: skip
    request = PreparationRequest(
        task="causal-lm", model=model, data=data, source=data.source, max_length=48, seed=0, metric=values["metric"],
        cache=folder / "cache",
    )  # fmt: skip
    found = prepare(request)
    point = {
        "learning_rate": 5e-3, "batch_size": 12, "num_train_epochs": 2.0, "dropout": None, "weight_decay": 0.1,
        "lr_scheduler_type": "linear", "frozen_layers": 0.5,
    }  # fmt: skip
    return TrialRun(
        number=0, hyperparameters=Hyperparameters.from_values(point), task="causal-lm", model=model, data=found.folder,
        anatomy=found.anatomy, direction="maximize", precision="fp32", looks=LOOKS[2], seed=0, **values,
    )  # fmt: skip


class Kept(NoSaver):
    """Keeps the weights of the best evaluation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, evaluation: Evaluation, write: Any) -> None:
        self.folder.mkdir(exist_ok=True)
        write(self.folder)


def test_completions_of_the_first_rows_are_compared_with_their_last_turns(tmp_path: Path) -> None:
    run = run_of(tmp_path, metric="words_of_a_user:length", generate=Generation(
        rows=20, max_new_tokens=6, score="words_of_a_user:length", folders=(str(tmp_path),),
    ))  # fmt: skip
    kept = tmp_path / "kept"
    found = list(train(replace(run, saver=Kept(kept))))
    assert found == list(train(run)), "nothing is drawn"
    best = max(found, key=lambda each: each.value)
    assert 0 < best.value < 1
    assert best.metrics["exact_match"] >= 0

    # ---- again, row by row, by the words
    assert run.data is not None
    assert run.model is not None
    assert run.anatomy is not None
    model = build_model(TASK.blueprint(run.model, (), 0, run.anatomy.padding), dropout=None).eval()
    restore_weights(model, kept)
    examples = EncodedData.open(run.data, TASK.examples).validation
    tokenizer = words_tokenizer()
    scores, exact = [], []
    for number in range(20):
        ids = examples.inputs(np.array([number]))["input_ids"][0].tolist()
        place = len(ids) - 1 - ids[::-1].index(2)  # behind the last `<unk>`, which asks the assistant
        made = tokenizer.decode(slow(model, ids[: place + 1], 6, 1), skip_special_tokens=True).split()
        wanted = tokenizer.decode(ids[place + 1 :], skip_special_tokens=True).split()
        scores.append(1 / (1 + abs(len(made) - len(wanted))))
        exact.append(made == wanted)
    assert best.value == pytest.approx(np.mean(scores), abs=1e-6)
    assert best.metrics["exact_match"] == pytest.approx(np.mean(exact))

    # ---- and on the test split
    judged = judge([Candidate(run=run, weights=kept)] * 2, "test")
    assert judged["models"][0]["metrics"].keys() >= {"exact_match", "loss"}
    assert 0 < judged["models"][0]["value"] < 1
    assert judged["models"][1]["beside"]["difference"] == 0


@pytest.mark.parametrize(
    ("function", "complaint"),
    [("fails", r"fails for the prompt '.*': KeyError: 'no such word'"), ("unknown", "returns nan for the prompt")],
)
def test_a_function_that_gives_no_number_ends_the_trial(function: str, complaint: str, tmp_path: Path) -> None:
    name = f"words_of_a_user:{function}"
    asked = Generation(rows=10, max_new_tokens=2, score=name, folders=(str(tmp_path),))
    with pytest.raises(ModelError, match=f"metric: {name} {complaint}"):
        list(train(run_of(tmp_path, metric=name, generate=asked)))


def test_without_generations_there_is_no_such_metric(tmp_path: Path) -> None:
    run = replace(run_of(tmp_path), metric="loss", direction="minimize", generate=None)
    assert all("exact_match" not in each.metrics for each in train(run))
    assert math.isnan(TASK.declaration.metric("exact_match").compute(np.zeros((2, 6)), None))  # type: ignore[misc]
    with pytest.raises(ConfigError, match=r"metric: there is no module 'words_of_nobody'"):
        find_function("metric", "words_of_nobody:length", ())
