"""The sweep: one architecture, driven through the product and judged by the oracles."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers

from architectures.adapters import adapter_complaints
from architectures.checkpoints import image_size, write_checkpoint
from architectures.layers import configured_layers, layer_complaints
from architectures.outcomes import Outcome, Verdict
from architectures.padding import SAME, agree, pad, padding_complaints
from architectures.product import carry_out, prepared, trial_run, with_trunk_cache
from architectures.training import dropout_complaints, frozen_complaints, group_complaints, mode_complaints
from architectures.watching import watch
from tuner.errors import ModelError
from tuner.training.model.freezing import Freezing
from tuner.training.model.loading import build_model
from tuner.training.model.trial_model import begin_model
from tuner.training.tasks import get_task
from tuner.trial.anatomy import Anatomy, Freezable

if TYPE_CHECKING:
    from architectures.catalogue import Architecture
    from architectures.product import Trial
    from tuner.study.prepared import Prepared

#: Probability of dropout in trials: so large that one drop out of place is seen.
DROPOUT = 0.5
_SHARES = {Freezable.LAYERS: "any", Freezable.WHOLE: "0 and 1", Freezable.NOTHING: "0"}


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Folders that the sweep works in."""

    texts: Path
    pictures: Path
    #: Encoded data.
    cache: Path
    #: Checkpoints and hidden states, in a folder for each architecture.
    folder: Path


@dataclass
class Judgement:
    """The outcome for an architecture, and the oracles' complaints."""

    outcome: Outcome
    complaints: list[str] = field(default_factory=list)


def judge(architecture: Architecture, workplace: Workplace, /, **settings: Any) -> Judgement:
    """Drive an architecture through the product and judge it.

    Args:
        architecture: Which one.
        workplace: Where to.
        **settings: Settings of the configuration that differ from the tiny ones.
    """
    home = workplace.folder / architecture.name
    checkpoint = write_checkpoint(architecture, home / "checkpoint", **settings)
    source = workplace.texts if architecture.kind == "text" else workplace.pictures
    try:
        found = prepared(architecture, checkpoint, source, workplace.cache)
    except ModelError as error:
        return Judgement(Outcome(verdict=Verdict.REFUSED, note=_without_place(error, checkpoint)))
    return _Case(architecture, checkpoint, found, home / "states").judgement()


def _without_place(error: Exception, checkpoint: Path) -> str:
    return str(error).replace(str(checkpoint), "the checkpoint").removeprefix("model: ")


class _Case:
    """One architecture that was prepared."""

    def __init__(self, architecture: Architecture, checkpoint: Path, found: Prepared, states: Path) -> None:
        self._architecture, self._checkpoint, self._found, self._states = architecture, checkpoint, found, states
        self._anatomy: Anatomy = found.anatomy
        self._dropout = DROPOUT if self._anatomy.dropouts else 0.0
        self._inputs = self._make_inputs()
        self._places: dict[float, Any] = {}

    def judgement(self) -> Judgement:
        complaints = [*self._complaints()]
        anatomy = self._anatomy
        is_whole = anatomy.freezable == Freezable.LAYERS
        verdict = Verdict.WRONG if complaints else Verdict.RIGHT if is_whole else Verdict.LIMITED
        return Judgement(
            Outcome(
                verdict=verdict,
                layers=anatomy.count,
                shares=_SHARES[anatomy.freezable],
                dropout="set" if self._dropout else "none to set",
                trunk=self._trunk(),
                note=self._note(),
            ),
            complaints,
        )

    def _trunk(self) -> str | None:
        for place in self._places.values():
            if place["place"] == "recompute":
                # How much it is differs between processors.
                return re.sub(r" \([\d.e-]+\)", "", place["reason"])
        return "kept" if self._places else None

    def _note(self) -> str | None:
        if self._anatomy.padding_difference > SAME:
            return "padding changes a text's logits; `tuner check` says by how much"
        return self._anatomy.reason

    def _complaints(self) -> Iterator[str]:
        anatomy, model = self._anatomy, self._model()
        if anatomy.padding is not None:
            yield from padding_complaints(model, anatomy, self._rows())
        yield from layer_complaints(model, anatomy, self._inputs)
        expected = configured_layers(
            model.config, "vision_config" if self._architecture.kind == "image" else "text_config"
        )
        if anatomy.freezable != Freezable.NOTHING and expected not in (None, anatomy.count):
            yield f"{anatomy.count} layers were found where the configuration has {expected}"
        yield from (f"adapters: {complaint}" for complaint in self._adapter_complaints())
        shares = [share for share in (0.5, 1.0) if anatomy.allows(share)] or [0.0]
        for share in shares:
            yield from (f"at {share:g}: {complaint}" for complaint in self._share_complaints(share))
        yield from self._mode_complaints([frozen for share in shares if (frozen := self._frozen(share))])

    def _adapter_complaints(self) -> Iterator[str]:
        run = trial_run(self._architecture, self._checkpoint, self._found, frozen=0.0, dropout=0.0)
        assert run.model is not None
        if not self._anatomy.linear:
            return
        run = replace(run, hyperparameters=replace(run.hyperparameters, adapter="lora", lora_rank=2))
        blueprint = get_task(run.task).blueprint(run.model, self._found.labels, run.seed, self._anatomy.padding)
        yield from adapter_complaints(build_model(blueprint, dropout=0.0), begin_model(run, blueprint), self._inputs)

    def _frozen(self, share: float) -> int:
        return math.floor(share * self._anatomy.count + 0.5)

    def _share_complaints(self, share: float) -> Iterator[str]:
        frozen = self._frozen(share)
        run = trial_run(self._architecture, self._checkpoint, self._found, frozen=share, dropout=self._dropout)
        plain = carry_out(run)
        yield from frozen_complaints(plain.training, self._anatomy, frozen)
        yield from group_complaints(plain.training, self._anatomy, frozen)
        yield from dropout_complaints(plain.training.draws, self._anatomy, frozen, self._dropout)
        if self._dropout and frozen < self._anatomy.count and not any(d.p for d in plain.training.draws):
            yield "no dropout draws"
        # A cache that declined once has its reason in the model.
        if frozen and not any(place["place"] == "recompute" for place in self._places.values()):
            cached = carry_out(with_trunk_cache(run, self._found, self._states))
            yield from self._cache_complaints(share, plain, cached)

    def _mode_complaints(self, depths: list[int]) -> Iterator[str]:
        run = trial_run(self._architecture, self._checkpoint, self._found, frozen=0.0, dropout=self._dropout)
        assert run.model is not None
        blueprint = get_task(run.task).blueprint(run.model, self._found.labels, run.seed, self._anatomy.padding)
        model: Any = build_model(blueprint, dropout=self._dropout)
        freezing = Freezing(model, self._anatomy, dict(enumerate(depths)))
        for step, frozen in enumerate(depths):
            freezing.begin_optimiser_step(step)
            freezing.set_training_mode()
            with watch() as training:
                yield from mode_complaints(model, self._anatomy, frozen, self._inputs)
            yield from dropout_complaints(training.draws, self._anatomy, frozen, self._dropout)

    def _cache_complaints(self, share: float, plain: Trial, cached: Trial) -> Iterator[str]:
        place = self._places[share] = cached.effective["trunk_cache"]
        if plain.losses != cached.losses:
            yield f"losses with hidden states from {place['place']} differ: {cached.losses} and {plain.losses}"
        if place["place"] == "recompute" and not place["reason"]:
            yield "the trunk cache declines without a reason"

    # ---- plain transformers

    def _model(self) -> Any:
        model = self._architecture.auto_model.from_pretrained(
            self._checkpoint, num_labels=len(self._found.labels), ignore_mismatched_sizes=True
        )
        if self._anatomy.padding is not None:
            agree(model, self._anatomy.padding)
        return model

    def _rows(self) -> list[list[int]]:
        from datasets import load_from_disk

        rows = load_from_disk(str(self._found.folder / "train"))["input_ids"]
        by_length = sorted(rows, key=len)
        return [by_length[0], by_length[len(by_length) // 3], by_length[-1]]

    def _make_inputs(self) -> dict[str, torch.Tensor]:
        if self._anatomy.padding is not None:
            # Reformer trains on multiples of its chunks alone.
            return pad(self._rows(), self._anatomy.padding, multiple=8)
        config = transformers.AutoConfig.from_pretrained(self._checkpoint)
        return {"pixel_values": torch.rand(2, 3, *image_size(config), generator=torch.Generator().manual_seed(1))}
