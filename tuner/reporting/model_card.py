"""The card of an exported model: what it is, what is known of its quality, and how it can be made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tuner.reporting.result import confirmed_words, result_sentences
from tuner.reporting.text import no_better_than_guess
from tuner.reporting.views import in_order
from tuner.security.redaction import redact
from tuner.study.refit import Refit

if TYPE_CHECKING:
    from storage import StudyRecord, TrialRecord

#: Tasks that the hub knows by the same name.
_PIPELINES = ("text-classification", "image-classification")
#: Parts of a configuration that are no part of how a model is made.
_ASIDE = ("checkpoints", "keep", "keep_shelved", "checkpoint_limit", "checkpoint_every", "max_restarts", "max_failed")


@dataclass(frozen=True, kw_only=True)
class Made:
    """How an exported model was made, beyond what its trial tells."""

    #: Numbers of the trials whose weights are averaged; none where they are those of the trial alone.
    members: tuple[int, ...] = ()
    #: Value of the averaged weights.
    value: float | None = None
    #: How the trial was trained again on more rows; None where it was not.
    refit: Refit | None = None
    #: How long one example takes: `ms`, `processor` and `threads`; None where that was not measured.
    latency: Mapping[str, Any] | None = None


def model_card(study: StudyRecord, trial: TrialRecord, best: Mapping[str, Any] | None, made: Made) -> str:
    """Return the card of a trial's model as Markdown, with the metadata that the hub reads.

    Args:
        study: The study.
        trial: The trial whose weights are exported.
        best: The result of `tuner.reporting.views.best_view`; None where no trial is complete.
        made: How the model was made.
    """
    config, facts = study.config, study.facts
    quality = _quality(study, trial, best, made)
    if made.latency is not None:
        quality.append(f"{latency_words(made.latency)}, in fp32 (median).")
    parts = [
        _metadata(config),
        f"# {study.name}, trial {trial.number}",
        _origin(config, trial),
        "## How good it is",
        "\n".join(f"- {each}" for each in quality),
        "## Data",
        _data(config, facts),
        "## Hyperparameters",
        _table(("name", "value"), in_order(trial.hyperparameters).items()),
        *(["## Training", _training(trial)] if made.refit is None else []),
        "## How it can be made again",
        _again(study, trial),
    ]
    return redact("\n\n".join(part for part in parts if part) + "\n")


def latency_words(latency: Mapping[str, Any]) -> str:
    """Return how long one example takes."""
    threads = "one thread" if latency["threads"] == 1 else f"{latency['threads']} threads"
    return f"One example takes {latency['ms']:.3g} ms on {latency['processor']} with {threads}"


def useless_words(study: StudyRecord, value: float | None) -> str | None:
    """Return that a model is no better than guessing; None where it is better, or where that is not known.

    Args:
        study: The study.
        value: The model's value of the study's metric on the validation split.
    """
    metric, guess = study.config["metric"], study.facts.get("guess")
    if value is None or no_better_than_guess(value, guess, metric["direction"]) is None:
        return None
    return f"no better than always answering with the largest class, which has {metric['name']} {guess:.4f}"


def _metadata(config: Mapping[str, Any]) -> str:
    told: dict[str, Any] = {"library_name": "transformers", "tags": ["shichimi"]}
    if config["task"] in _PIPELINES and config.get("train") is None:
        told["pipeline_tag"] = config["task"]
    if (base := config.get("model")) and _is_of_the_hub(base):
        told["base_model"] = base
    return f"---\n{yaml.safe_dump(told, sort_keys=False)}---"


def _is_of_the_hub(source: str) -> bool:
    return not source.startswith(("/", ".", "~", "package:")) and "://" not in source


def shown_source(source: str) -> str:
    """Return a source of data or of a model without the folders of the machine that it was on."""
    return source.rstrip("/").rsplit("/", 1)[-1] if source.startswith(("/", "~", ".")) else source


def _origin(config: Mapping[str, Any], trial: TrialRecord) -> str:
    base = shown_source(str(config.get("model") or "a model of the study's own"))
    revision = f" at commit {config['revision']}" if config.get("revision") else ""
    what = config["task"] if config.get("train") is None else f"what `{config['train']}` trains"
    return (
        f"`{base}`{revision}, fine-tuned for {what}. Its hyperparameters are those of trial {trial.number} "
        "of a search by shichimi."
    )


def _quality(study: StudyRecord, trial: TrialRecord, best: Mapping[str, Any] | None, made: Made) -> list[str]:
    metric = study.config["metric"]["name"]
    words = useless_words(study, made.value if made.members else trial.value)
    useless = [] if words is None else [f"It is {words}."]
    if made.members:
        numbers = ", ".join(map(str, made.members))
        return [
            f"The weights are the mean of those of trials {numbers}.",
            f"{metric} {made.value:.4f} on the validation split, on which it was chosen whose weights are averaged.",
            *useless,
            "They have no value on the test split.",
        ]
    if (refit := made.refit) is not None:
        return [
            "It was trained again on the rows of the training and of the validation split together, for "
            f"{refit.length_words}; `tuner refit {refit.parent} DIR --trial {refit.trial}` does that.",
            "It has no score of its own: no row is left that could tell one.",
        ]
    if best is None:
        return ["It was exported before any trial was complete."]
    seen = best["validation"]
    rows = f" of {seen['rows']:,} rows" if seen["rows"] else ""
    told = []
    if trial.value is not None:
        told.append(f"{metric} {trial.value:.4f} on the validation split{rows}, its best evaluation.")
    told += useless
    verdict = best["verdict"]
    if verdict is not None and trial.number in (verdict["trial"], 0):
        confirmed = confirmed_words(best) if trial.number == best["trial"] else []
        return [*told, *confirmed, *verdict["sentences"]]
    if trial.number == best["trial"]:
        return [*told, *(confirmed_words(best) if useless else result_sentences(best, best["guess"]))]
    return [*told, "It has no value on the test split."]


def _data(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    data = config.get("data")
    if not data:
        return "The study's own training function reads them."
    lines = [f"Source: `{shown_source(str(data['source']))}`"]
    if facts.get("data"):
        lines.append(f"Fingerprint of the rows and of how they are read: `{facts['data']}`")
    if facts.get("sizes"):
        lines.append("Rows: " + ", ".join(f"{count:,} {name}" for name, count in facts["sizes"].items()))
    if facts.get("labels"):
        lines.append("Classes: " + ", ".join(f"`{label}`" for label in facts["labels"]))
    return "\n".join(f"- {line}" for line in lines)


def _training(trial: TrialRecord) -> str:
    rows = [
        (
            f"{each['step']} %",
            f"{each['train_loss']:.4f}",
            f"{each['validation_loss']:.4f}",
            f"{each['value']:.4f}",
        )
        for each in trial.evaluations
        if all(isinstance(each.get(name), int | float) for name in ("step", "train_loss", "validation_loss", "value"))
    ]
    curve = _table(("step", "training loss", "validation loss", "value"), rows) if rows else ""
    effective = trial.effective or {}
    on = [str(effective[name]) for name in ("device_name", "device") if effective.get(name)][:1]
    return "\n\n".join(part for part in (curve, f"Trained on {on[0]}." if on else "") if part)


def study_file_again(study: StudyRecord) -> str:
    """Return the study file with which a study can be searched again, without the folders of this machine's sources."""
    config = {key: value for key, value in study.config.items() if key not in _ASIDE and value is not None}
    if study.config.get("search") in ("plain", {"name": "plain"}) or study.config.get("train") is not None:
        config["early_stopping"] = study.config.get("early_stopping") or "none"
    config = {**config, **{key: shown_source(str(config[key])) for key in ("model",) if config.get(key)}}
    if isinstance(config.get("data"), Mapping):
        data = {key: value for key, value in config["data"].items() if value not in (None, {}, [])}
        config["data"] = {**data, "source": shown_source(str(data["source"]))}
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).rstrip()


def _again(study: StudyRecord, trial: TrialRecord) -> str:
    versions = study.facts.get("versions") or {}
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    hashes = [f"- {what}: `{study.facts[key]}`" for key, what in _HASHES.items() if study.facts.get(key)]
    return "\n\n".join(
        [
            f"The study of which this is trial {trial.number}, for `tuner start`. Folders of sources are left out:",
            f"```yaml\n{study_file_again(study)}\n```",
            *(["\n".join(hashes)] if hashes else []),
            *([f"Libraries: {shown}."] if shown else []),
            *([_SCRIPT.format(name=study.name, number=trial.number)] if study.config.get("train") is None else []),
        ]
    )


_SCRIPT = "`tuner script {name} {number}` prints a Python script that trains trial {number} again without tuner."

#: Hashes among the facts of a study.
_HASHES = {"weights": "pretrained weights", "tokenizer": "tokenizer or image processor", "data": "data"}


def _table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
