"""Writing of a script that repeats a trial with torch and transformers alone."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Any

from tuner.errors import NoScript
from tuner.study.script import HEAD, ROWS
from tuner.training.data import batches
from tuner.training.data.encoded import EncodedData
from tuner.training.model.weights import WEIGHTS
from tuner.training.optimisation import roles
from tuner.training.optimisation.schedules import make_schedule
from tuner.training.plan import make_plan
from tuner.training.script import plain_reading, plain_training
from tuner.training.script.assembly import assembled, source_of
from tuner.training.script.material import material
from tuner.training.script.model_facts import model_facts
from tuner.training.script.program import Program, evaluation_parts
from tuner.training.script.readings import TableReading
from tuner.training.script.settings import Settings
from tuner.training.tasks import classification, get_task
from tuner.training.tasks.image_classification import ImageClassification
from tuner.training.tasks.text_classification import TextClassification
from tuner.training.trunk import first_token_layer
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
#: Names of the kinds of values.
_KINDS = """\
# The rows of a split: of each its input and the number of its class. Then the rows by split, numbers of examples,
# and the logits and the classes of a split.
Rows = list[tuple[Any, int]]
Splits = dict[str, Rows]
Indices = Logits = Classes = np.ndarray"""


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
        self._run, self._request = run, request
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
        self._settings = Settings(run, plan, request, rows, facts, self._program)

    def script(self) -> str:
        """Return the text of the script."""
        program = self._program
        return assembled(
            self._heading(),
            [
                ("the trial", self._settings.lines()),
                ("reading and encoding", [_KINDS, *map(source_of, self._reading_parts()), program.examples()]),
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
        return "\n\n".join("\n".join(textwrap.wrap(each.replace("\\", "/").replace('"', "'"), 118)) for each in told)

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
        parts = [
            optimiser_steps_per_epoch,
            batches.training_batches,
            batches.micro_batches,
            batches.Rounding,
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
