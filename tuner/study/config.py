"""The configuration of a study, as its file states it. Values are checked when it is built."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tuner.security.urls import holds_secret
from tuner.study.budget_config import BudgetConfig
from tuner.study.config_part import ConfigPart
from tuner.study.confirmation_size import SEEDS, TOP
from tuner.study.data_config import DataConfig
from tuner.study.durations import Duration
from tuner.study.generate_config import GenerateConfig, check_generate
from tuner.study.metric_config import MetricConfig
from tuner.study.search_config import PrunerConfig, SamplerConfig, SearchConfig
from tuner.study.sizes import parse_size
from tuner.study.tasks import DEFAULT_TASK, declaration_of, load_task
from tuner.study.trackers import TrackerName

#: Keys that may change while a study runs. None of them changes a trial's value, so that trials stay comparable.
EDITABLE = (
    "budget",
    "stop",
    "confirm",
    "test",
    "keep",
    "keep_shelved",
    "checkpoint_limit",
    "max_failed",
    "pruner",
    "report_to",
    "search_space",
)

#: Keys of the plain search. A study file that gives one of them another value than its neutral ones, and no `search`,
#: asks for the plain search.
_PLAIN_KEYS: Mapping[str, tuple[Any, ...]] = {
    "pruner": ("auto",),
    "early_stopping": (None, "none"),
    "evaluations": ("auto",),
}

#: Characters of a study's name.
MOST_CHARACTERS = 100


def _checked_task(value: str) -> str:
    load_task(value)
    return value


#: Bytes; written as `20GB` or as a number of bytes.
Size = Annotated[int, BeforeValidator(parse_size)]


class EarlyStoppingConfig(ConfigPart):
    """When a trial ends because its metric no longer improves."""

    #: Evaluations in a row without an improvement, after which the trial ends.
    patience: int = Field(default=3, ge=1)


class ConfirmConfig(ConfigPart):
    """How the leaders of a study are trained again once it is over; see `tuner.study.confirmation`."""

    #: Leaders beside trial 0.
    top: int = Field(default=TOP, ge=1, le=100)
    #: Other seeds of each.
    seeds: int = Field(default=SEEDS, ge=1, le=100)


class SpeedConfig(ConfigPart):
    """Techniques that make training cheaper. Each can be turned off, to measure its effect."""

    #: Compute the hidden states of frozen layers once and cache them for all trials of a machine.
    trunk_cache: bool = True
    #: Compute the last layer for the first token only, where the head reads no other token.
    one_token: bool = True
    #: Split batches into forward passes whose examples have similar lengths.
    length_grouping: bool = True


def _no_metric() -> Any:
    """Return the metric of a study file that names none, which validation makes the first one of the task."""
    return {}


def _none_word(value: Any) -> Any:
    return None if value == "none" else value


def _listed_once(value: Any) -> Any:
    """Return a list; of one word, of none, or of each word once."""
    words = [] if value in (None, "none") else [value] if isinstance(value, str) else value
    return (
        list(dict.fromkeys(words))
        if isinstance(words, list) and all(isinstance(each, str) for each in words)
        else words
    )


class StudyConfig(ConfigPart):
    """The configuration of a study, with defaults filled in."""

    name: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    task: Annotated[str, AfterValidator(_checked_task)] = DEFAULT_TASK
    #: `module:function`: a training function of the user's, a generator of evaluations, in place of a built-in task. It
    #: may ignore `model` and `data`, which are then optional.
    train: str | None = None
    #: Hub id, folder, or `package:NAME/PATH`.
    model: str | None = None
    #: Commit of a hub model.
    revision: str | None = None
    #: Whether code in the hub model's repository may run; requires `revision` to be a full commit.
    trust_remote_code: bool = False
    data: DataConfig | None = None
    metric: MetricConfig = Field(default_factory=_no_metric, validate_default=True)
    #: What a language model writes in each evaluation; None for nothing.
    generate: GenerateConfig | None = Field(default=None, validate_default=True)
    #: A preset's name, a file, or a mapping whose entries replace those of the task's preset; None is that preset.
    search_space: str | dict[str, Any] | None = None
    #: What all trials train: the weights, or adapters beside them. None leaves it to the space.
    adapter: Literal["none", "lora"] | None = None
    #: Whether the weights beside adapters are held in four bits.
    load_in_4bit: bool = False
    #: Arguments of learning-rate schedules, by schedule.
    lr_scheduler_kwargs: dict[str, dict[str, float]] = Field(default_factory=dict)
    search: SearchConfig = Field(default_factory=SearchConfig)
    sampler: SamplerConfig = Field(default_factory=SamplerConfig)
    #: Of the plain search.
    pruner: PrunerConfig = Field(default_factory=PrunerConfig)
    #: Folder or URL of the checkpoints; None is a folder beside the database's file.
    checkpoints: str | None = None
    budget: BudgetConfig = Field(default_factory=BudgetConfig)
    #: Whether a search over depths ends before its budget is spent, once no further trial is worth its price: `auto`
    #: or `none`. Without it, it does so where the budget is in full runs; a number of trials is always trained.
    stop: Literal["auto", "none"] | None = None
    #: Once the study is over, its leaders are trained again with other seeds; None leaves that to `tuner confirm`.
    confirm: Annotated[ConfirmConfig | None, BeforeValidator(_none_word)] = None
    #: `at_end`: once the study is over, its test split is opened, and tells whether the best trial is better than the
    #: published recipe. `none` leaves that to `tuner test`.
    test: Literal["at_end", "none"] = "none"
    #: Whose best points are among the first ones: `none`; `auto`, all earlier studies in the database of the same task
    #: and family of models; or a list of names.
    warm_start: Literal["none", "auto"] | list[str] = "none"
    #: Programs that each trial is reported to, as a run.
    report_to: Annotated[list[TrackerName], BeforeValidator(_listed_once)] = Field(default_factory=list)
    #: Tokens; longer texts are truncated.
    max_length: int = Field(default=128, ge=4)
    #: Of a language model: whether training puts several rows into one sequence of at most `max_length` tokens. No row
    #: sees another one.
    packing: bool = False
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    #: Of the plain search; trial 0 is never stopped early.
    early_stopping: Annotated[EarlyStoppingConfig | None, BeforeValidator(_none_word)] = Field(
        default_factory=EarlyStoppingConfig
    )
    #: Of the plain search: evaluations of each trial. `auto` is the largest of these numbers that costs at most a
    #: quarter of the training of trial 0.
    evaluations: Literal["auto", 10, 5, 2, 1] = "auto"
    #: Seconds between a running trial's checkpoints. It also saves one after an evaluation, where that is cheap.
    checkpoint_every: Duration = 60.0
    speed: SpeedConfig = Field(default_factory=SpeedConfig)
    #: Number of best trials whose weights stay in the store.
    keep: int = Field(default=1, ge=1)
    #: Whether trials that are not promoted stay shelved when the study ends, so that a larger budget can promote them.
    keep_shelved: bool = False
    #: Most bytes of the checkpoints of a study; None is a share of the disk that is free when the study is begun.
    checkpoint_limit: Size | None = None
    #: Crashes of a trial since its newest checkpoint that it survives; with one more it fails.
    max_restarts: int = Field(default=5, ge=0)
    #: Failed trials in a row after which the study is paused; None never pauses it.
    max_failed: Annotated[int | None, BeforeValidator(_none_word)] = Field(default=5, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**31)

    #: Whether the configuration was given a `search`, which otherwise follows from its other keys.
    _says_search: bool = PrivateAttr(default=True)

    @model_validator(mode="wrap")
    @classmethod
    def _with_a_search(cls, value: Any, handler: ModelWrapValidatorHandler[StudyConfig]) -> StudyConfig:
        if not isinstance(value, Mapping):
            return handler(value)
        says = "search" in value
        document = value if says else {**value, "search": "plain" if _asks_for_plain(value) else "auto"}
        # Judged after the rest, or pydantic would report this complaint alone.
        fits = {**document, "early_stopping": None} if _search_name(document) == "auto" else document
        config = handler(fits)
        if reason := plain_keys_complaint(document):
            raise ValueError(reason)
        config._says_search = says
        return config

    def __eq__(self, other: object) -> bool:
        # Pydantic also compares private attributes: a study that is read back would differ from its file.
        return isinstance(other, StudyConfig) and self.__dict__ == other.__dict__

    __hash__ = ConfigPart.__hash__

    @property
    def says_search(self) -> bool:
        """Whether the configuration was given a `search`, which otherwise follows from its other keys."""
        return self._says_search

    @property
    def stops(self) -> bool:
        """Whether the search may end before its budget is spent."""
        return self.budget.runs is not None if self.stop is None else self.stop == "auto"

    @property
    def has_rungs(self) -> bool:
        """Whether trials are put aside at rungs of their schedules and promoted."""
        return self.search.name == "auto"

    @field_validator("metric", mode="before")
    @classmethod
    def _metric_is_one_of_the_tasks(cls, value: Any, info: ValidationInfo) -> MetricConfig:
        context = {**(info.context or {}), "task": info.data.get("task", DEFAULT_TASK)}
        if "task" not in info.data:  # it is unknown, which is reported already, and so are its metrics
            context["own_training"] = True
        return MetricConfig.model_validate(value, context=context)

    @field_validator("generate")
    @classmethod
    def _generations_are_asked_for(cls, value: GenerateConfig | None, info: ValidationInfo) -> GenerateConfig | None:
        known = info.data
        if "metric" in known and "task" in known and known.get("train") is None:
            check_generate(value, known["metric"].name, known.get("data"), declaration_of(known["task"]))
        return value

    @field_validator("train")
    @classmethod
    def _train_names_a_function(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value):
            raise ValueError(f"{value!r} names no function; write module:function")
        return value

    @field_validator("model")
    @classmethod
    def _model_holds_no_secret(cls, value: str | None) -> str | None:
        if value is not None and holds_secret(value):
            raise ValueError(
                "is a URL with a user, password or token in it; set HF_TOKEN, and name the model by its id"
            )
        return value

    @field_validator("trust_remote_code")
    @classmethod
    def _trusted_code_is_pinned(cls, value: bool, info: ValidationInfo) -> bool:
        if value:
            check_trusted(info.data.get("model"), info.data.get("revision"))
        return value

    @field_validator("load_in_4bit")
    @classmethod
    def _weights_are_ours_to_load(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("train") is not None:
            raise ValueError("a training function of its own loads its model itself; leave `load_in_4bit` out")
        return value

    @field_validator("confirm")
    @classmethod
    def _seeds_can_be_told(cls, value: ConfirmConfig | None, info: ValidationInfo) -> ConfirmConfig | None:
        if value is not None and info.data.get("train") is not None:
            raise ValueError("a training function of its own is not told another seed; leave `confirm` out")
        return value

    @field_validator("test")
    @classmethod
    def _there_is_a_test_split(cls, value: str, info: ValidationInfo) -> str:
        data = info.data.get("data")
        if value == "at_end" and (info.data.get("train") is not None or (data and "test" not in data.splits)):
            raise ValueError("there is no test split; give data.splits.test rows, or leave `test` out")
        return value

    @field_validator("name")
    @classmethod
    def _name_is_usable_in_paths(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
            raise ValueError(f"{value!r} may only have letters, digits, '-', '_' and '.', and begins with neither")
        return value

    def sources(self) -> list[str]:
        """Return the model and the data source that the study names, as far as it names them."""
        named = (self.model, self.data.source if self.data is not None else None)
        return [source for source in named if source is not None]

    def edited(self, other: StudyConfig) -> StudyConfig:
        """Return this configuration with the `EDITABLE` keys of another one."""
        return self.model_copy(update={key: getattr(other, key) for key in EDITABLE})

    def with_budget(self, given: Mapping[str, Any]) -> StudyConfig:
        """Return this configuration with another bound of its budget.

        Args:
            given: `trials`, `runs` or both, which replace both; nothing leaves the budget as it is.
        """
        if not given:
            return self
        bounds = {"trials": given.get("trials"), "runs": given.get("runs")}
        return self.model_copy(update={"budget": self.budget.model_copy(update=bounds)})

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON values, from which `parse_stored` builds it again."""
        return self.model_dump(mode="json")


def _plain_keys(document: Mapping[str, Any]) -> list[str]:
    """Return the keys of the plain search to which a study file gives a value of its own."""
    values = {key: document[key] for key in _PLAIN_KEYS if key in document}
    pruner, usual = values.get("pruner"), PrunerConfig().model_dump()
    if isinstance(pruner, Mapping) and {**usual, **pruner} == usual:
        values["pruner"] = "auto"
    return [key for key, value in values.items() if value not in _PLAIN_KEYS[key]]


def _asks_for_plain(document: Mapping[str, Any]) -> bool:
    return bool(_plain_keys(document)) or document.get("train") is not None


def _search_name(document: Mapping[str, Any]) -> Any:
    search = document.get("search")
    return search.get("name", "auto") if isinstance(search, Mapping) else search


def plain_keys_complaint(document: Mapping[str, Any]) -> str | None:
    """Return why the keys of a document do not fit its `search`; None where they do."""
    if _search_name(document) != "auto" or not (named := _plain_keys(document)):
        return None
    return f"`search: auto` judges every trial at the same rungs; {_listed(named)} to `search: plain`"


def _listed(keys: Sequence[str]) -> str:
    return f"{' and '.join(keys)} {'belongs' if len(keys) == 1 else 'belong'}"


def check_trusted(model: str | None, revision: str | None) -> None:
    """Check that the code to be trusted cannot change after the user has read it.

    Raises:
        ValueError: The model is not on the hub, or `revision` is not a full commit.
    """
    if model is None or model.startswith(("package:", "/", ".", "~")) or "://" in model:
        raise ValueError(f"is for a model of the hub, named by its id; model is {shown_value(model)}")
    if not re.fullmatch(r"[0-9a-f]{40}", revision or ""):
        raise ValueError(
            "needs as revision the full commit of the model, 40 hexadecimal digits, whose code you have read"
        )


def shown_value(value: object) -> str:
    """Return a value of a study file for an error message: its repr, cut after 200 characters."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"
