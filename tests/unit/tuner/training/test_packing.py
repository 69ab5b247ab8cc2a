"""Packed rows: which share a sequence, and that training on them is training on each alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from language_models import CHAT_TEMPLATE, write_chats, write_language_model

from search_spaces import Hyperparameters
from tuner.errors import ConfigError
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest
from tuner.training.data.encoded import EncodedData
from tuner.training.data.packing import packed_parts, sequences
from tuner.training.data.token_examples import IGNORED
from tuner.training.loop import train
from tuner.training.preparation import prepare
from tuner.training.tasks.causal_lm import TASK
from tuner.trial.looks import LOOKS
from tuner.trial.run import ModelSource, TrialRun, TrunkHome

pytestmark = pytest.mark.rest

LENGTHS = np.array([5, 3, 9, 2, 4, 1])


# ---- which rows share a sequence


def test_a_row_goes_into_the_first_sequence_with_room_for_it() -> None:
    found = [each.tolist() for each in sequences(np.arange(6), LENGTHS, 10)]
    assert found == [[2, 5], [0, 4], [1, 3]]
    assert [each.tolist() for each in sequences(np.array([2, 1]), LENGTHS, 4)] == [[2], [1]], "one is too long"


def test_a_pass_has_whole_sequences_and_no_more_rows_and_tokens_than_it_may() -> None:
    def parts(**bounds: int) -> list[list[int]]:
        return [each.tolist() for each in packed_parts(np.arange(6), LENGTHS, 10, **bounds)]

    assert parts(size=64, tokens=20) == [[2, 5, 0, 4], [1, 3]]
    assert parts(size=64, tokens=5) == [[2, 5], [0, 4], [1, 3]]
    assert parts(size=1, tokens=100) == [[2], [5], [0], [4], [1], [3]]
    for part in packed_parts(np.arange(6), LENGTHS, 10, size=64, tokens=20):
        again = sequences(part, LENGTHS, 10)
        assert np.concatenate(again).tolist() == part.tolist(), "a forward pass finds the sequences again"


# ---- training


def run_of(folder: Path, kind: str = "llama", **changes: Any) -> TrialRun:
    model = ModelSource(location=str(write_language_model(folder / "model", kind, chat_template=CHAT_TEMPLATE)))
    data = DataConfig(
        source=str(write_chats(folder / "rows.jsonl")),
        messages="messages",
        splits={"train": 60, "validation": 24},
    )
    request = PreparationRequest(
        task="causal-lm", model=model, data=data, source=data.source, max_length=48, seed=0, metric="loss",
        packing=True, cache=folder / "cache",
    )  # fmt: skip
    found = prepare(request)
    point = {
        "learning_rate": 2e-3, "batch_size": 12, "num_train_epochs": 2.0, "dropout": 0.0 if kind == "gpt2" else None,
        "weight_decay": 0.1, "lr_scheduler_type": "linear", "frozen_layers": 0.0, **changes,
    }  # fmt: skip
    return TrialRun(
        number=0, hyperparameters=Hyperparameters.from_values(point), task="causal-lm", model=model, data=found.folder,
        anatomy=found.anatomy, metric="loss", direction="minimize", precision="fp32", looks=LOOKS[10], seed=0,
    )  # fmt: skip


def test_a_packed_row_has_its_own_positions_and_targets(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    assert run.data is not None
    examples = EncodedData.open(run.data, TASK.examples).train
    rows = np.array([3, 1])
    first, second = examples.lengths[rows]
    inputs, targets = examples.packed([rows, rows[1:]])
    assert inputs["position_ids"][0].tolist() == [*range(first), *range(second)]
    assert inputs["position_ids"][1].tolist() == [*range(second), *range(first)], "padding is a row of its own"
    alone = [examples.targets(rows[place : place + 1])[0].tolist() for place in range(2)]
    assert targets.tolist() == [[*alone[0], *alone[1]], [*alone[1], *[IGNORED] * first]]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_losses_are_those_of_rows_that_are_not_packed(kind: str, tmp_path: Path) -> None:
    run = run_of(tmp_path, kind)
    told: list[dict[str, Any]] = []
    packed = replace(run, speed=replace(run.speed, packing=48), record=lambda found: told.append(dict(found)))
    found = [[(each.train_loss, each.value) for each in train(each)] for each in (run, packed)]
    assert np.array(found[0]) == pytest.approx(np.array(found[1]), abs=1e-5)
    assert found[0] != found[1], "other shapes, other roundings"
    assert told[0]["packing"] is True
    assert found[0][0][0] - found[0][-1][0] > 0.05, "something was learnt"


def test_where_lower_layers_are_frozen_rows_are_not_packed(tmp_path: Path) -> None:
    run = run_of(tmp_path, frozen_layers=0.5)
    home = TrunkHome(folder=tmp_path / "trunk", weights="w", shares=(0.5,), limit=None)
    told: list[dict[str, Any]] = []
    run = replace(run, trunk=home, record=lambda found: told.append(dict(found)))
    plain = [each.train_loss for each in train(run)]
    packed = [each.train_loss for each in train(replace(run, speed=replace(run.speed, packing=48)))]
    assert plain == packed
    assert "packing" not in told[0]
    assert told[-1]["packing"] is False


# ---- models that cannot


def test_a_model_that_has_rows_see_each_other_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = transformers.LlamaForCausalLM.forward

    def blind(self: Any, *args: Any, position_ids: Any = None, **more: Any) -> Any:
        return plain(self, *args, **more)

    monkeypatch.setattr(transformers.LlamaForCausalLM, "forward", blind)
    with pytest.raises(ConfigError, match=r"packing: LlamaForCausalLM has packed rows see each other: a logit is"):
        run_of(tmp_path)


def test_a_model_without_positions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = transformers.LlamaForCausalLM.forward

    def without(self: Any, input_ids: Any = None, attention_mask: Any = None) -> Any:
        return plain(self, input_ids=input_ids, attention_mask=attention_mask)

    monkeypatch.setattr(transformers.LlamaForCausalLM, "forward", without)
    with pytest.raises(ConfigError, match="packing: LlamaForCausalLM takes no positions"):
        run_of(tmp_path)
