"""Writing of a script that repeats a trial with torch and transformers alone."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Any

from tuner.errors import NoScript
from tuner.study.script import HEAD, ROWS
from tuner.training.data import batches
from tuner.training.data.encoded import EncodedData
from tuner.training.evaluation import EVALUATION_BATCH, EVALUATION_FACTOR
from tuner.training.loop import MICRO_BATCH
from tuner.training.model.weights import WEIGHTS
from tuner.training.optimisation import roles
from tuner.training.optimisation.clipping import MAX_GRAD_NORM
from tuner.training.optimisation.schedules import make_schedule
from tuner.training.plan import make_plan
from tuner.training.script import plain_reading, plain_training
from tuner.training.script.assembly import assembled, long_text, setting, source_of
from tuner.training.script.material import material
from tuner.training.script.model_facts import model_facts
from tuner.training.script.program import Program, evaluation_parts
from tuner.training.script.readings import PictureReading, TableReading, written_numbers
from tuner.training.tasks import classification, get_task
from tuner.training.tasks.image_classification import ImageClassification
from tuner.training.tasks.text_classification import TextClassification
from tuner.training.trunk import first_token_layer
from tuner.training.trunk.trunk import width_multiple
from tuner.trial.length import optimiser_steps_per_epoch

if TYPE_CHECKING:
    from tuner.study.prepared import PreparationRequest
    from tuner.study.script import ScriptRequest
    from tuner.training.plan import Plan
    from tuner.training.script.material import Material
    from tuner.training.script.model_facts import ModelFacts
    from tuner.trial.run import TrialRun

#: Functions of metrics that are no plain line.
_METRICS = {
    "accuracy": plain_training.accuracy,
    "f1_macro": classification._f1,
    "f1_weighted": classification._f1,
    "matthews": classification._matthews,
    "roc_auc": classification._roc_auc,
}


def write_script(run: TrialRun, data: PreparationRequest, request: ScriptRequest) -> str:
    """Return a script that repeats a trial, after a check that its plain code reads, encodes and builds the same.

    Args:
        run: The trial, with the seed that it was trained with.
        data: How the study's data are read.
        request: What is recorded of the trial. Its folder takes the files that the script needs.

    Raises:
        NoScript: The trial cannot be repeated by a plain script, or not without further files.
    """
    task = get_task(run.task)
    if type(task) not in (TextClassification, ImageClassification):
        raise NoScript(f"the task {run.task} is no part of tuner, so only its own module can repeat it")
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    encoded = EncodedData.open(run.data, task.examples, run.anatomy.padding, joined=run.joins_validation)
    plan = make_plan(run, encoded, layers=run.anatomy.count)
    if plan.total != request.effective["optimiser_steps"]:
        raise NoScript(
            f"it had {request.effective['optimiser_steps']} optimiser steps, and would now have {plan.total}"
        )
    blueprint = task.blueprint(run.model, encoded.labels, run.seed, run.anatomy.padding)
    rows = material(task, run, data, encoded, request.folder)
    facts = model_facts(run, blueprint, plan, encoded)
    if run.head is not None:
        assert request.folder is not None
        shutil.copyfile(run.head.folder / WEIGHTS, request.folder / HEAD)
    return _Writer(run, plan, request, rows, facts).script()


class _Writer:
    """Puts a script together."""

    def __init__(self, run: TrialRun, plan: Plan, request: ScriptRequest, rows: Material, facts: ModelFacts) -> None:
        assert run.anatomy is not None
        self._run, self._plan, self._request = run, plan, request
        self._rows, self._facts = rows, facts
        self._anatomy = run.anatomy
        is_frozen = max(plan.thawing.values()) > 0
        reading = rows.reading
        self._program = Program(
            rows="table" if isinstance(reading, TableReading) else "rows" if reading is None else "pictures",
            reader=reading.reader.__name__ if isinstance(reading, TableReading) else "",
            rows_file=ROWS,
            head_file="" if run.head is None else HEAD,
            is_text=rows.padding is not None,
            fills_empty=rows.empty is not None,
            metric=run.metric,
            one_token="" if facts.one_token is None else facts.one_token.__name__,
            is_frozen=is_frozen,
            has_states=is_frozen and run.anatomy.trunk.complaint is None,
            straddles=is_frozen and bool(run.anatomy.straddling),
        )

    def script(self) -> str:
        """Return the text of the script."""
        program = self._program
        return assembled(
            self._heading(),
            [
                ("the trial", self._settings()),
                ("reading and encoding", [*map(source_of, self._reading_parts()), program.examples()]),
                ("batches", self._batch_parts()),
                ("the model", self._model_parts()),
                ("training and evaluation", [*self._metric_parts(), program.main()]),
            ],
        )

    # ---- the top

    def _heading(self) -> str:
        request, effective = self._request, self._request.effective
        versions = ", ".join(f"{name} {version}" for name, version in request.versions.items())
        told = [
            f"Repeats trial {self._run.number} of the study {request.study!r}, without shichimi.",
            f"It prints a line for each evaluation of the trial, and then how far its losses are from those that were "
            f"recorded. The trial was trained with {versions or 'unknown versions'}, on {effective['device_name']}. "
            "Other versions, and other processors, round otherwise.",
        ]
        if effective["device"] != "cpu" or effective["precision"] != "no":
            told.append(
                f"NOT REPEATED BIT BY BIT: the trial ran on {effective['device']} with precision "
                f"{effective['precision']}. This script computes in fp32 on the CPU, where dropout draws others, "
                "so its losses are near the recorded ones and not equal to them."
            )
        if not self._anatomy.repeatable:
            told.append("NOT REPEATED: this model draws random numbers that no seed decides.")
        files = [
            name for name, needed in ((ROWS, self._rows.reading is None), (HEAD, self._run.head is not None)) if needed
        ]
        if files:
            told.append(f"It needs {' and '.join(files)} in its own folder.")
        return "\n\n".join("\n".join(textwrap.wrap(each.replace("\\", "\\\\"), 118)) for each in told)

    # ---- settings

    def _settings(self) -> list[str]:
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
            each["optimiser_steps"]: (each["step"], each["train_loss"], each["validation_loss"], each["value"])
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
        found = [setting("SETTINGS", dict(facts.settings), "What differs from the model's own configuration.")]
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
            written = {
                name: '"""\n' + "\n".join(f"{path}\t{number}" for path, number in each).replace("\\", "\\\\") + '\n"""'
                for name, each in reading.pictures.items()
            }
            about = "# The pictures of each split, in order: file, tab, number of the class."
        if written:
            lines = "\n".join(f"    {name!r}: {text},".replace("'", '"', 2) for name, text in written.items())
            found.append(f"{about}\nROWS = {{\n{lines}\n}}")
        return found

    # ---- functions

    def _reading_parts(self) -> list[Any]:
        plain, program = plain_reading, self._program
        parts: list[Any] = [plain.checksum, plain.check_rows]
        if program.rows == "table":
            assert isinstance(self._rows.reading, TableReading)
            parts = [self._rows.reading.reader, plain.row_numbers, plain.cell, plain.take_rows, *parts]
        else:
            parts = [plain.read_rows if program.rows == "rows" else plain.take_pictures, *parts]
        if program.is_text:
            fill = [plain_training.fill_empty] if program.fills_empty else []
            return [*parts, plain_training.tokenise, *fill, plain_training.Texts]
        return [*parts, plain.open_picture, plain_training.Pictures]

    def _batch_parts(self) -> list[str]:
        rounding = [batches.Rounding] if self._program.has_states else []
        parts = [
            optimiser_steps_per_epoch,
            batches.training_batches,
            batches.micro_batches,
            *rounding,
            batches.evaluation_batches,
        ]
        return [*map(source_of, parts), evaluation_parts(has_states=self._program.has_states and self._program.is_text)]

    def _model_parts(self) -> list[str]:
        program, plain = self._program, plain_training
        norms = "\n".join(
            [
                f"_BIAS = re.compile({roles._BIAS.pattern!r})",
                "_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, _NormBase)",
                f"_NORM_CLASS = re.compile({roles._NORM_CLASS.pattern!r})",
                f"_NORM_NAME = re.compile({roles._NORM_NAME.pattern!r})",
            ]
        )
        parts: list[Any] = [
            plain.build_model,
            plain.is_within,
            roles.decaying,
            roles._is_norm,
            plain.parameter_groups,
            make_schedule,
        ]
        if program.is_frozen:
            parts.append(plain.freeze)
        if program.one_token:
            attends = [] if self._facts.one_token is first_token_layer._deberta else [first_token_layer._attend]
            parts += [self._facts.one_token, *attends]
        if program.has_states:
            parts += [plain.Reached, plain.FrozenLayers]
        if program.straddles:
            parts.append(plain.Straddling)
        return [f"# How biases and norms are told from other parameters.\n{norms}", *map(source_of, parts)]

    def _metric_parts(self) -> list[str]:
        found = _METRICS.get(self._run.metric)
        return [] if found is None else [source_of(found)]
