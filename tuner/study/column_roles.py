"""The roles of the columns of data: which one is the text, the label, the prompt. A guess by names and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from search_spaces import plain
from tuner.errors import ConfigError
from tuner.study.data_sketch import ColumnKind, ColumnSketch, DataSketch
from tuner.study.tasks import DEFAULT_TASK

CAUSAL_LM, IMAGES = "causal-lm", "image-classification"

#: Names of columns by their role, the likeliest first.
_TEXTS = ("text", "sentence", "review", "content", "body", "message", "comment", "tweet", "sms", "document", "title")
_LABELS = ("label", "labels", "class", "category", "target", "sentiment", "intent", "topic", "quality", "y", "stars")
_PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("#1_string", "#2_string"),
    ("query", "passage"),
)
_PROMPTS = ("prompt", "instruction", "question", "input", "query")
_COMPLETIONS = ("completion", "response", "answer", "output")
#: Classes of a label, at most, and the words of one.
_MOST_CLASSES, _MOST_WORDS = 200, 4.0
#: Share of the rows that the different values of a label may be, where its name says nothing.
_MOST_DISTINCT = 0.2


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The task and the columns of a study, as a study file names them."""

    task: str
    #: Keys of `data` and their columns: `text`, `label`, `prompt`, `completion`, `messages` or `image`.
    columns: dict[str, Any] = field(default_factory=dict)


def guess_roles(
    sketch: DataSketch, *, task: str | None, text: Sequence[str], label: str | None, is_causal: bool, source: str
) -> Roles:
    """Guess the roles of the columns.

    Args:
        sketch: The data.
        task: The task, where the user gives it.
        text: Columns of the texts, where the user gives them: one, or a pair.
        label: The column of the label, where the user gives it.
        is_causal: Whether the model is a language model that continues texts.
        source: The name of the data in errors.

    Raises:
        ConfigError: No column looks like what the task needs.
    """
    if sketch.is_picture_folder and task in (None, IMAGES):
        return Roles(task=IMAGES)
    pictures = _of_kind(sketch, ColumnKind.PICTURES)
    if task == IMAGES or (task is None and pictures):
        if not pictures:
            raise _none(source, "data.image", "a picture", sketch)
        return Roles(task=IMAGES, columns={"image": pictures[0].name, "label": _label(sketch, label, source)})
    if task == CAUSAL_LM or (task is None and is_causal and label is None):
        found = _of_language_model(sketch, text)
        # A column of classes beside a text asks for a classifier, whatever the model is.
        is_classified = task is None and found is not None and "text" in found and _likely_label(sketch) is not None
        if found is not None and not is_classified:
            return Roles(task=CAUSAL_LM, columns=found)
        if task == CAUSAL_LM:
            raise _none(source, "data.text", "a text, a chat, or a prompt and its completion", sketch)
    chosen = _label(sketch, label, source)
    texts = [*text] or _texts(sketch, without=(chosen,))
    if not texts:
        raise _none(source, "data.text", "a text", sketch)
    return Roles(task=task or DEFAULT_TASK, columns={"text": texts[0] if len(texts) == 1 else texts, "label": chosen})


def _of_language_model(sketch: DataSketch, text: Sequence[str]) -> dict[str, Any] | None:
    chats = _of_kind(sketch, ColumnKind.CHATS)
    if chats and not text:
        return {"messages": chats[0].name}
    prompt, completion = _named(sketch, _PROMPTS), _named(sketch, _COMPLETIONS)
    if prompt and completion and not text:
        return {"prompt": prompt.name, "completion": completion.name}
    texts = [*text] or _texts(sketch, without=())[:1]
    return {"text": texts[0]} if len(texts) == 1 else None


def _label(sketch: DataSketch, given: str | None, source: str) -> str:
    if given is not None:
        return given
    found = _likely_label(sketch)
    if found is None:
        raise _none(source, "data.label", "a label, a word of few different ones in each row", sketch)
    return found.name


def _likely_label(sketch: DataSketch) -> ColumnSketch | None:
    fit = [each for each in _of_kind(sketch, ColumnKind.WORDS) if _may_be_label(each)]
    if (named := _named(sketch, _LABELS)) in fit:
        return named
    few = [each for each in fit if each.distinct <= max(2, _MOST_DISTINCT * each.filled)]
    # Of several, the one with most classes is likeliest: others are often flags or sources.
    return max(few, key=lambda each: each.distinct) if few else None


def _may_be_label(column: ColumnSketch) -> bool:
    return 2 <= column.distinct <= _MOST_CLASSES and column.words <= _MOST_WORDS


def _texts(sketch: DataSketch, *, without: Sequence[str]) -> list[str]:
    columns = [each for each in _of_kind(sketch, ColumnKind.WORDS) if each.name not in without]
    by_name = {plain(each.name): each.name for each in columns}
    for pair in _PAIRS:
        if all(name in by_name for name in pair):
            return [by_name[name] for name in pair]
    if (named := _named(sketch, _TEXTS, among=columns)) is not None:
        return [named.name]
    longest = max(columns, key=lambda each: each.words, default=None)
    return [longest.name] if longest is not None and longest.words > 1 else []


def _of_kind(sketch: DataSketch, kind: ColumnKind) -> list[ColumnSketch]:
    return [each for each in sketch.columns if each.kind is kind]


def _named(
    sketch: DataSketch, names: Sequence[str], among: Sequence[ColumnSketch] | None = None
) -> ColumnSketch | None:
    """Return the first column that has one of the names, or whose last part after a dot has."""
    columns = sketch.columns if among is None else among
    readings: tuple[Callable[[str], str], ...] = (plain, lambda name: plain(name).rpartition(".")[2])
    for read in readings:
        by_name = {read(each.name): each for each in reversed(columns)}
        if found := next((by_name[name] for name in names if name in by_name), None):
            return found
    return None


def _none(source: str, key: str, what: str, sketch: DataSketch) -> ConfigError:
    there = ", ".join(repr(each.name) for each in sketch.columns[:20]) or "no columns"
    option = {"data.label": "--label", "data.text": "--text"}.get(key)
    remedy = f"name it with {option}" if option else "write the study file by hand: `tuner init study.yaml`"
    return ConfigError(source, key, f"no column looks like {what}; {remedy}; there are {there}")
