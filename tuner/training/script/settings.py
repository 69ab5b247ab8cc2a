"""The settings of a script: lines that give names to what its trial was trained with, each with a comment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuner.training.data import batches
from tuner.training.evaluation import EVALUATION_BATCH, EVALUATION_FACTOR
from tuner.training.loop import MICRO_BATCH
from tuner.training.optimisation.clipping import MAX_GRAD_NORM
from tuner.training.script.assembly import long_text, setting
from tuner.training.script.readings import PictureReading, TableReading, written_numbers
from tuner.training.trunk.trunk import width_multiple

if TYPE_CHECKING:
    from tuner.study.script import ScriptRequest
    from tuner.training.plan import Plan
    from tuner.training.script.material import Material
    from tuner.training.script.model_facts import ModelFacts
    from tuner.training.script.program import Program
    from tuner.trial.run import TrialRun

#: What is compared of an evaluation.
_COMPARED = ("train_loss", "validation_loss", "value")


class Settings:
    """Writes the settings of one script.

    Args:
        run: The trial.
        plan: Its plan.
        request: What is recorded of it.
        rows: Its examples.
        facts: Its model.
        program: The lines that the script has.
    """

    def __init__(
        self, run: TrialRun, plan: Plan, request: ScriptRequest, rows: Material, facts: ModelFacts, program: Program
    ) -> None:
        assert run.anatomy is not None
        self._run, self._plan, self._request = run, plan, request
        self._rows, self._facts, self._program = rows, facts, program
        self._anatomy = run.anatomy

    def lines(self) -> list[str]:
        """Return the settings."""
        return [*self._source_settings(), *self._training_settings(), *self._model_settings(), *self._row_settings()]

    def _source_settings(self) -> list[str]:
        run, reading = self._run, self._rows.reading
        assert run.model is not None
        found = [
            setting("MODEL", run.model.location, "The pretrained model. Change it where the model is elsewhere."),
            setting("MODEL_ARGUMENTS", dict(run.model.arguments), "Further arguments with which it is loaded."),
        ]
        if isinstance(reading, TableReading):
            found += [
                setting("DATA", list(reading.files), "The files of the rows, one behind the other."),
                setting("FORMAT", dict(reading.arguments), "How they are written."),
                setting("TEXTS", list(reading.texts), "The columns of the texts."),
                setting("LABEL", reading.label, "The column of the label."),
                setting("CLASSES", dict(reading.classes), "The number of the class that each label stands for."),
            ]
        elif isinstance(reading, PictureReading):
            found.append(setting("DATA", reading.folder, "The folder of the pictures."))
        return found

    def _training_settings(self) -> list[str]:
        run, plan, hp = self._run, self._plan, self._run.hyperparameters
        effective = self._request.effective
        micro_batch = effective["micro_batch"]
        whole = micro_batch if micro_batch < hp.batch_size else MICRO_BATCH
        recorded = {
            each["optimiser_steps"]: (each["step"], *(_number(each[name]) for name in _COMPARED))
            for each in self._request.evaluations
        }
        return [
            setting("SEED", run.seed, "It decides the head's first weights, dropout, and the order of the examples."),
            setting("THREADS", effective["threads"], "Threads of the processor; with others, sums round otherwise."),
            setting("LEARNING_RATE", hp.learning_rate, "The peak learning rate."),
            setting(
                "LEARNING_RATES",
                {part: (rate, list(names)) for part, (rate, names) in self._facts.rates.items()},
                "By part of the model, its peak learning rate and its modules. What is in no part is never trained.",
            ),
            setting("WEIGHT_DECAY", hp.weight_decay, "AdamW's weight decay; biases and norms have none."),
            setting("DROPOUT", hp.dropout, "The probability of every dropout; None keeps the model's own."),
            setting("BATCH_SIZE", hp.batch_size, "Examples of an optimiser step."),
            setting("MICRO_BATCH", micro_batch, "Examples of a forward pass, at most."),
            setting("OPTIMISER_STEPS", plan.total, f"The whole schedule: {hp.num_train_epochs:g} epochs."),
            setting(
                "SCHEDULE", hp.lr_scheduler_type, "The schedule of the learning rate, by its name in transformers."
            ),
            setting("WARMUP_STEPS", plan.warmup, "Optimiser steps in which the rate rises."),
            setting("SCHEDULE_ARGUMENTS", dict(run.lr_scheduler_kwargs), "Further arguments of the schedule."),
            setting("MAX_GRAD_NORM", MAX_GRAD_NORM, "The norm that gradients are clipped to."),
            setting("METRIC", run.metric, "The metric of the study."),
            setting(
                "RECORDED",
                recorded,
                "By the optimiser step behind which the trial was evaluated: the percent of its schedule, and what was "
                "recorded: training loss, validation loss, metric. The script ends with the last one.",
            ),
            setting(
                "EVALUATION_BATCH",
                min(EVALUATION_BATCH, EVALUATION_FACTOR * whole),
                "Examples of a forward pass of an evaluation, at most.",
            ),
            setting("DEVICE", effective["device"], "The kind of device whose tables below say how batches are cut."),
            setting("GROUPED", run.speed.length_grouping, "Whether a forward pass has examples of alike length."),
            setting("PASS_TOKENS", batches.PASS_TOKENS, "Tokens of a forward pass of training, at most."),
            setting(
                "EVALUATION_TOKENS", batches.EVALUATION_TOKENS, "Tokens of a forward pass of an evaluation, at most."
            ),
            setting("PASS_COST", batches.PASS_COST, "Fixed cost of a pass, in tokens, where a batch is cut."),
        ]

    def _model_settings(self) -> list[str]:
        facts, program = self._facts, self._program
        found = [
            setting("SETTINGS", dict(facts.settings), "What differs from the model's own configuration."),
            setting(
                "PLACES", list(facts.places), "Dropouts that are neither a module nor an entry of the configuration."
            ),
        ]
        if program.one_token or program.has_states or program.straddles:
            names = [
                layer[0] if program.has_states or program.one_token else layer[-1] for layer in self._anatomy.layers
            ]
            found.append(setting("LAYERS", names, "The layers of the model, from the input up."))
        if program.is_frozen:
            frozen = {first: (count, list(names)) for first, (count, names) in facts.frozen.items()}
            about = "By the optimiser step at which it begins: how many layers are frozen, and the frozen modules."
            found.append(setting("FROZEN", frozen, about))
        if program.has_states:
            trunk = self._anatomy.trunk
            found += [
                setting("READS_FIRST", self._reads_first, "Whether the head reads the first token alone."),
                setting("STATES", trunk.tokens, "Tokens of each example, where all have equally many."),
                setting(
                    "ROUNDED_TO", width_multiple(self._request.effective["device"]), "Widths of texts are multiples."
                ),
                setting("POSITIONS", facts.longest, "Most tokens that the model has positions for."),
            ]
        if program.straddles:
            found.append(
                setting(
                    "STRADDLING", list(self._anatomy.straddling), "Modules that drop out in and above frozen layers."
                )
            )
        return found

    @property
    def _reads_first(self) -> bool:
        return self._run.speed.one_token and self._anatomy.trunk.reads_first and not self._rows.left

    def _row_settings(self) -> list[str]:
        rows, reading = self._rows, self._rows.reading
        if rows.padding is not None:
            found = [
                setting("MAX_LENGTH", rows.limit, "Tokens of a text; longer ones are cut."),
                setting("PADDING", dict(rows.padding), "What shorter texts are padded with."),
                setting("PAD_LEFT", rows.left, "Whether they are padded on their left."),
            ]
            if rows.empty is not None:
                found.append(setting("EMPTY", dict(rows.empty), "The token of texts without one."))
        else:
            found = [setting("TOKENS", rows.tokens, "Tokens that a picture counts for where batches are cut.")]
        found.append(
            setting("ROWS_SHA256", rows.checksum, "A hash of the rows. Where it differs, the data have changed.")
        )
        written: dict[str, str] = {}
        if isinstance(reading, TableReading):
            written = {name: long_text(written_numbers(numbers)) for name, numbers in reading.numbers.items()}
            about = (
                "# The rows of each split, in order: numbers among all rows of the files that are not blank, from 0."
            )
        elif isinstance(reading, PictureReading):
            written = {name: _picture_lines(each) for name, each in reading.pictures.items()}
            about = "# The pictures of each split, in order: file, tab, number of the class."
        if written:
            lines = "\n".join(f"    {name!r}: {text},".replace("'", '"', 2) for name, text in written.items())
            found.append(f"{about}\nROWS = {{\n{lines}\n}}")
        return found


def _picture_lines(pictures: Sequence[tuple[str, int]]) -> str:
    """Return files and classes as `plain_reading.take_pictures` reads them, as a literal of a line each."""
    lines = "\n".join(f"{path}\t{number}" for path, number in pictures)
    return '"""\n' + lines.replace("\\", "\\\\").replace('"', '\\"') + '\n"""'


def _number(value: float | None) -> float | None:
    """Return a number that a script can compare, or None."""
    return value if value is not None and math.isfinite(value) else None
