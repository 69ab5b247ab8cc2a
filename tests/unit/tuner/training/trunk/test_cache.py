"""A trial whose frozen layers come from the trunk cache is the trial that computes them."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from accelerate.state import AcceleratorState

from tuner.errors import Diverged
from tuner.training.loop import train
from tuner.training.trunk import cache as trunk_cache
from tuner.training.trunk.hidden_states import Recomputed
from tuner.training.trunk.placement import Costs, choose_place
from tuner.training.trunk.trunk import Trunk
from tuner.trial.anatomy import TrunkFacts
from tuner.trial.looks import LOOKS
from tuner.trial.run import Speed, TrialRun, TrunkHome

if TYPE_CHECKING:
    from tuner.trial.evaluation import Evaluation

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "vit")
every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)
#: An evaluation a step, and dropout, so that every loss and every draw counts.
CLOSE: dict[str, Any] = {"num_train_epochs": 2, "looks": LOOKS[10], "dropout": 0.1, "learning_rate": 5e-3}
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Relative difference of losses after ten steps of sums in another order; 1.1e-5 was seen on one processor.
CLOSE_ENOUGH = 1e-4


@pytest.fixture
def cached(tmp_path: Path) -> Callable[..., TrialRun]:
    """Returns a run with a cache of this test's own."""

    def build(run: TrialRun, name: str = "trunk", **changed: Any) -> TrialRun:
        home = TrunkHome(folder=tmp_path / name, weights="of this model", shares=SHARES)
        return replace(run, trunk=replace(home, **changed))

    return build


def trained(run: TrialRun) -> tuple[list[Evaluation], dict[str, Any]]:
    """Return the evaluations of a run, and what it recorded last."""
    recorded: list[Any] = []
    evaluations = list(train(replace(run, record=lambda effective: recorded.append(dict(effective)))))
    return evaluations, recorded[-1]


def folders(run: TrialRun) -> list[str]:
    assert run.trunk is not None
    return sorted(path.name for path in run.trunk.folder.iterdir() if path.is_dir())


# ---- the same trial


@every_architecture
@pytest.mark.parametrize("frozen", [0.25, 0.5, 1.0, "gradual"])
def test_every_loss_is_bit_for_bit_that_of_the_trial_without_a_cache(
    name: str, frozen: float | str, make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = cached(make_run(name, **CLOSE, frozen_layers=frozen))
    without, said = trained(replace(run, speed=Speed(trunk_cache=False)))
    assert said["trunk_cache"]["place"] == "recompute"
    cold, first = trained(run)
    fork_server, again = trained(run)
    assert cold == fork_server == without
    for effective in (first, again):
        assert effective["trunk_cache"]["place"] == "memory"
        assert effective["trunk_cache"]["difference"] == 0.0


@every_architecture
@pytest.mark.parametrize("one_token", [False, True])
def test_freezing_gives_the_losses_of_a_plain_forward_pass(
    name: str, one_token: bool, make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    settings = {**CLOSE, "dropout": 0.0, "learning_rate": 1e-3}
    run = replace(make_run(name, **settings, frozen_layers=0.5), speed=Speed(one_token=one_token))
    ours, said = trained(cached(run))
    assert said["one_token"] == one_token
    plain, _ = trained(whole_model(replace(run, speed=Speed(one_token=False))))
    assert [each.step for each in ours] == [each.step for each in plain]
    for one, other in zip(ours, plain, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=CLOSE_ENOUGH)
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=CLOSE_ENOUGH)


def whole_model(run: TrialRun) -> TrialRun:
    """Have every pass go through the whole model, as where its layers cannot be run apart."""
    assert run.anatomy is not None
    return replace(run, anatomy=replace(run.anatomy, trunk=TrunkFacts(complaint="it is not to be parted")))


@every_architecture
def test_the_last_layer_of_one_token_learns_what_the_whole_layer_learns(
    name: str, make_run: Callable[..., TrialRun]
) -> None:
    run = make_run(name, **{**CLOSE, "dropout": 0.0})
    ours, said = trained(run)
    whole, other = trained(replace(run, speed=Speed(one_token=False)))
    assert (said["one_token"], other["one_token"]) == (True, False)
    for one, another in zip(ours, whole, strict=True):
        assert one.train_loss == pytest.approx(another.train_loss, rel=CLOSE_ENOUGH)


def test_parting_batches_by_length_learns_the_same(make_run: Callable[..., TrialRun]) -> None:
    run = replace(make_run("bert", **{**CLOSE, "dropout": 0.0, "batch_size": 32}), micro_batch=4)
    ours, plain = trained(run)[0], trained(replace(run, speed=Speed(length_grouping=False)))[0]
    for one, other in zip(ours, plain, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=CLOSE_ENOUGH)


@pytest.fixture
def _other_precision() -> Iterator[None]:
    """Lets a process have another precision than it had: a trainer has one all its life."""
    AcceleratorState._reset_state()
    yield
    AcceleratorState._reset_state()


@pytest.mark.usefixtures("_other_precision")
@pytest.mark.parametrize("name", ["bert", "vit"])
def test_in_16_bits_a_cached_trial_is_as_near_as_its_states_are_kept(
    name: str, make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = replace(cached(make_run(name, **{**CLOSE, "dropout": 0.0}, frozen_layers=0.5)), precision="bf16")
    ours, said = trained(run)
    without, _ = trained(replace(run, speed=Speed(trunk_cache=False)))
    assert said["trunk_cache"]["place"] == "memory"
    for one, other in zip(ours, without, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=2e-2)


def test_an_interrupted_trial_goes_on_bit_for_bit_on_a_machine_without_the_entries(
    make_run: Callable[..., TrialRun],
    cached: Callable[..., TrialRun],
    attempt: Callable[..., Any],
    tmp_path: Path,
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    whole = attempt(run, tmp_path / "whole", at=[3])
    overrides = cached(replace(run, restored=whole.step(3)), "another machine")
    rest = attempt(overrides, tmp_path / "rest")
    computed = attempt(replace(overrides, speed=Speed(trunk_cache=False)), tmp_path / "computed")
    assert rest.evaluations == computed.evaluations == whole.evaluations[-len(rest.evaluations) :]
    assert len(rest.evaluations) < len(whole.evaluations)


# ---- what is kept


def test_one_pass_makes_the_entries_of_every_depth_that_the_study_may_freeze(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.25))
    trained(run)
    assert [name.rsplit("-", 1)[1] for name in folders(run)] == ["01", "02", "03", "04"]
    with counted(Recomputed, "compute") as calls:
        trained(cached(make_run("bert", **CLOSE, frozen_layers=0.75)))
    assert calls == [2], "two examples are compared with the entry"


@contextmanager
def counted(owner: type, name: str) -> Iterator[list[int]]:
    """Note of how many examples each call of a method is."""
    calls: list[int] = []
    method = getattr(owner, name)

    def note(self: Any, split: str, indices: Any, depths: Any) -> Any:
        calls.append(len(indices))
        return method(self, split, indices, depths)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, note)
        yield calls


def test_of_the_last_layer_one_token_is_kept_where_the_head_reads_no_other(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=1.0))
    trained(run)
    assert run.trunk is not None
    last = next(run.trunk.folder.glob("*-04"))
    assert (last / "train.bin").stat().st_size == 32 * 32 * 4
    assert (last / "validation.bin").stat().st_size == 16 * 32 * 4


@pytest.mark.parametrize("changed", [{"weights": "of another model"}])
def test_other_weights_have_entries_of_their_own(
    changed: dict[str, str], make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = make_run("bert", **CLOSE, frozen_layers=0.5)
    trained(cached(run))
    before = folders(cached(run))
    trained(cached(run, **changed))
    assert len(folders(cached(run))) == 2 * len(before)


def test_an_entry_that_is_not_what_the_model_makes_is_computed_again(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    sound, _ = trained(run)
    assert run.trunk is not None
    file = next(run.trunk.folder.glob("*-02")) / "train.bin"
    file.write_bytes(os.urandom(file.stat().st_size))
    assert trained(run)[0] == sound


def test_an_entry_of_the_wrong_size_is_computed_again(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    sound, _ = trained(run)
    assert run.trunk is not None
    file = next(run.trunk.folder.glob("*-02")) / "validation.bin"
    file.write_bytes(file.read_bytes()[:-4])
    assert trained(run)[0] == sound


def test_a_model_whose_states_depend_on_their_company_keeps_none(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = Recomputed._compute

    def mixing(self: Recomputed, split: str, indices: Any, depths: Any) -> Any:
        made = compute(self, split, indices, depths)
        return {depth: [states + len(indices) for states in rows] for depth, rows in made.items()}

    monkeypatch.setattr(Recomputed, "_compute", mixing)
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    for _ in range(2):
        _, said = trained(run)
        assert said["trunk_cache"]["place"] == "recompute"
        assert "depends on the rest of its batch" in said["trunk_cache"]["reason"]


def test_states_that_are_no_numbers_are_kept_by_nobody(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = Recomputed._compute

    def broken(self: Recomputed, split: str, indices: Any, depths: Any) -> Any:
        made = compute(self, split, indices, depths)
        return {depth: [states * math.nan for states in rows] for depth, rows in made.items()}

    monkeypatch.setattr(Recomputed, "_compute", broken)
    recorded: list[Any] = []
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    with pytest.raises(Diverged):
        list(train(replace(run, record=recorded.append)))
    assert recorded[-1]["trunk_cache"]["reason"].endswith("of its batch (nan)")


def test_a_model_that_cannot_be_parted_is_trained_whole(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    evaluations, said = trained(whole_model(run))
    assert said["trunk_cache"] == {"place": "recompute", "reason": "it is not to be parted"}
    assert len(evaluations) == len(trained(run)[0])


def test_memory_that_runs_out_while_states_are_computed_is_met_with_fewer_at_a_time(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("bert", **CLOSE, frozen_layers=0.5)
    ample, _ = trained(cached(run, "ample"))
    states = Trunk.states
    refused = []

    def scarce(self: Trunk, inputs: Any, depths: Any) -> Any:
        if (examples := len(inputs["input_ids"])) > 3:
            refused.append(examples)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return states(self, inputs, depths)

    monkeypatch.setattr(Trunk, "states", scarce)
    tight, said = trained(cached(run, "tight"))
    assert said["trunk_cache"]["place"] == "memory"
    assert tight == ample
    assert refused == [32, 16, 8, 4], "what did not fit is not tried again"


# ---- room


def test_what_was_used_least_recently_goes_first(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = make_run("bert", **CLOSE, frozen_layers=0.5)
    one = cached(run, shares=(0.5,))
    trained(one)
    (first,) = folders(one)
    assert one.trunk is not None
    size = sum(file.stat().st_size for file in (one.trunk.folder / first).iterdir())
    limit = int(2.5 * size)
    trained(cached(run, shares=(0.5,), weights="second", limit=limit))
    (second,) = set(folders(one)) - {first}
    os.utime(one.trunk.folder / second / "facts.json", (1, 1))
    trained(cached(run, shares=(0.5,), weights="third", limit=limit))
    left = folders(one)
    assert first in left
    assert second not in left
    assert len(left) == 2


def test_without_room_a_trial_computes_its_states_and_says_why(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5), limit=1024)
    evaluations, said = trained(run)
    assert said["trunk_cache"]["place"] == "recompute"
    assert "where 1 KiB may be used" in said["trunk_cache"]["reason"]
    assert evaluations == trained(replace(run, trunk=None))[0]


def test_a_depth_for_which_there_is_no_room_beside_the_trials_own_is_left_out(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    trained(run)
    assert run.trunk is not None
    own = next(run.trunk.folder.glob("*-02"))
    size = sum(file.stat().st_size for file in own.glob("*.bin"))
    tight = cached(make_run("bert", **CLOSE, frozen_layers=0.5), "tight", limit=int(1.2 * size))
    _, said = trained(tight)
    assert said["trunk_cache"]["place"] == "memory"
    # Beside it, the first tokens of the last layer: they take next to nothing.
    assert [name.rsplit("-", 1)[1] for name in folders(tight)] == ["02", "04"]


def test_a_folder_that_takes_nothing_is_said(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun], tmp_path: Path
) -> None:
    (tmp_path / "trunk").write_text("a file")
    _, said = trained(cached(make_run("bert", **CLOSE, frozen_layers=0.5)))
    assert said["trunk_cache"]["place"] == "recompute"
    assert "takes nothing" in said["trunk_cache"]["reason"]


# ---- several builders


def _train(run: TrialRun, connection: Connection, hold: str | None) -> None:
    torch.set_num_threads(1)
    calls = 0
    compute = Recomputed.compute

    def note(self: Recomputed, split: str, indices: Any, depths: Any) -> Any:
        nonlocal calls
        calls += 1
        if hold is not None and split == "validation":
            connection.send("computing")
            connection.recv()
        return compute(self, split, indices, depths)

    Recomputed.compute = note  # type: ignore[method-assign]
    evaluations, said = trained(run)
    connection.send((evaluations, said["trunk_cache"]["place"], calls))


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Callable[..., tuple[Any, Connection]]:
    """Returns what starts a process that trains a run, and with `hold` waits for a word amid computing states."""
    context = multiprocessing.get_context("spawn")

    def begin(run: TrialRun, hold: str | None = None) -> tuple[Any, Connection]:
        ours, theirs = context.Pipe()
        process = context.Process(target=_train, args=(run, theirs, hold))
        process.start()
        theirs.close()
        request.addfinalizer(process.join)
        request.addfinalizer(process.kill)
        return process, ours

    return begin


@pytest.mark.rest
def test_a_killed_builder_leaves_nothing_that_the_next_one_trusts(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun], start: Callable[..., Any]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    process, connection = start(run, "hold")
    assert connection.recv() == "computing"
    assert run.trunk is not None
    assert [name[0] for name in folders(run)] == ["."] * 4, "what is not whole is under another name"
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    evaluations, said = trained(run)
    assert said["trunk_cache"]["place"] == "memory"
    assert evaluations == trained(replace(run, trunk=None))[0]
    assert not [name for name in folders(run) if name.startswith(".")]


@pytest.mark.rest
def test_lanes_that_start_together_build_one_cache(
    make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun], start: Callable[..., Any]
) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    connections = [start(run)[1] for _ in range(3)]
    ended = [connection.recv() for connection in connections]
    assert [place for _, place, _ in ended] == ["memory"] * 3
    assert ended[0][0] == ended[1][0] == ended[2][0]
    calls = sorted(calls for _, _, calls in ended)
    assert calls[:2] == [1, 1], "two examples are compared with the entry"
    assert calls[2] > 1


# ---- the rule


COSTS = Costs(compute_s=1e-4, disk_bytes_s=1e9)


@pytest.mark.parametrize(
    ("size", "device_free", "memory", "place"),
    [
        (1 << 30, 10 << 30, 64 << 30, "device"),
        (8 << 30, 10 << 30, 64 << 30, "memory"),
        (1 << 30, None, 64 << 30, "memory"),
        (1 << 30, None, None, "memory"),
        (60 << 30, None, 64 << 30, "disk"),
    ],
)
def test_states_come_from_the_fastest_place_that_holds_them(
    size: int, device_free: int | None, memory: int | None, place: str
) -> None:
    tokens = size // 1536
    found = choose_place(size=size, tokens=tokens, costs=COSTS, device_free=device_free, memory_available=memory)
    assert found.place == place
    assert "GiB" in found.reason


def test_states_that_are_read_more_slowly_than_computed_are_computed() -> None:
    slow = Costs(compute_s=1e-6, disk_bytes_s=1e8)
    size = 60 << 30
    found = choose_place(size=size, tokens=size // 1536, costs=slow, device_free=None, memory_available=64 << 30)
    assert found.place == "recompute"
    assert "read in 15.4 us and computed in 1 us" in found.reason


def test_a_smoke_run_keeps_nothing(make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    _, said = trained(replace(run, max_steps=2, max_rows=16))
    assert said["trunk_cache"]["place"] == "recompute"
    assert run.trunk is not None
    assert not run.trunk.folder.exists()


def test_facts_of_an_entry_are_whole_json(make_run: Callable[..., TrialRun], cached: Callable[..., TrialRun]) -> None:
    run = cached(make_run("bert", **CLOSE, frozen_layers=0.5))
    trained(run)
    assert run.trunk is not None
    for path in run.trunk.folder.glob("*/facts.json"):
        facts = json.loads(path.read_text())
        assert facts["hidden"] == 32
        assert facts["compute_s"] > 0
        assert facts["disk_bytes_s"] > 0
    shutil.rmtree(run.trunk.folder)
    assert trunk_cache.FORMAT == 2
