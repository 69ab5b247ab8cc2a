"""Writes the generated parts of the documentation: commands, recipes, architectures, the diagram of a trial's life.

`python docs/update_reference.py` writes them, `--check` only says whether they are up to date.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from search_spaces.hyperparameters import ADAPTER_RATE
from search_spaces.recipes import CLASSIFIERS, LANGUAGE_MODELS, Published, RecipeRow, packaged_recipes
from tuner.cli.command_list import COMMANDS
from tuner.cli.main import group
from tuner.supervisor.attempt_state import diagram

DOCS = Path(__file__).parent
OUTCOMES = DOCS / "reference" / "architectures.json"
LIFE = DOCS / "explanation" / "trial-life.md"
#: The lines around the diagram in the page of a trial's life.
OPENS, CLOSES = "```mermaid\n", "\n```"


def commands_page() -> str:
    """Return the page of the commands."""
    parts = [
        "# Commands",
        "Generated from `--help` by `make docs`. Reading commands take `--json`: [shapes](json.md). "
        "Exit codes: 0 done, 1 failed, 2 usage, 75 stopped by SIGTERM with work left (start it again), "
        "78 bad configuration, 130 stopped by Ctrl-C; a second signal leaves at once with 128 + signal.",
    ]
    for name in ("", *COMMANDS):
        arguments = [*name.split(), "--help"]
        shown = CliRunner().invoke(group, arguments, prog_name="tuner", terminal_width=100).output.rstrip()
        parts.append(f"## `{' '.join(['tuner', name]).strip()}`\n\n```text\n{shown}\n```")
    return "\n\n".join(parts) + "\n"


def recipes_page() -> str:
    """Return the page of the published recipes."""
    parts = [
        "# Published recipes",
        "Generated from `search_spaces/recipes.yaml` and `language_model_recipes.yaml` by `make docs`. The first "
        "family that matches a model gives its "
        "trial 0, and the range of its learning rate: default / 8 to default * 8.",
        "The 50 of `head_learning_rate_factor` is no published value. It is "
        "[our own measurement](../explanation/learning-rate.md), and has no effect where nothing is frozen, as the "
        "recipes have it.",
    ]
    rows = [(row, "") for row in packaged_recipes(CLASSIFIERS)]
    rows += [(row, "Language models: ") for row in packaged_recipes(LANGUAGE_MODELS)]
    for row, about in rows:
        parts.append("\n".join([f"## {about}{row.recipe.family}", _models(row), "", *_table(row.recipe.parameters)]))
    for document, about in ((CLASSIFIERS, "Adapters"), (LANGUAGE_MODELS, "Language models: adapters")):
        published = packaged_recipes(document)[0].recipe.adapters
        words = f"Of every family. Their rate is {ADAPTER_RATE:g} times the `learning_rate` of a trial."
        parts.append("\n".join([f"## {about}", "", words, "", *_table(published)]))
    return "\n\n".join(parts) + "\n"


def _table(parameters: Mapping[str, Published]) -> list[str]:
    lines = ["| hyperparameter | default | source |", "|--|--|--|"]
    for name, published in parameters.items():
        source = " ".join(published.source.split()).replace("|", "\\|")
        lines.append(f"| `{name}` | {published.default} | {source} |")
    return lines


def _models(row: RecipeRow) -> str:
    if not row.matches:
        return "\nEvery model that no other row matches."
    alternatives = []
    for match in row.matches:
        words = [f"model type {', '.join(sorted(match.model_types))}"]
        if match.name is not None:
            words.append(f"name like `{match.name.pattern}`")
        if match.min_hidden_size is not None:
            words.append(f"at least {match.min_hidden_size} wide")
        if match.max_hidden_size is not None:
            words.append(f"at most {match.max_hidden_size} wide")
        alternatives.append(", ".join(words))
    return f"\nFor {'; or '.join(alternatives)}."


def architectures_page() -> str:
    """Return the page of the architectures, from the outcomes that `make architectures` wrote."""
    rows: dict[str, dict[str, Any]] = json.loads(OUTCOMES.read_text(encoding="utf-8"))
    counts = Counter(row["verdict"] for row in rows.values())
    parts = [
        "# Architectures",
        "Generated from `architectures.json` by `make docs`. Every architecture that transformers classifies texts or "
        "images with was built tiny, prepared and trained, and judged by checks that use plain transformers and torch "
        "alone; `make test-rest` repeats this and fails where an outcome differs from this page.",
        f"Of {len(rows)} architectures, {counts['right']} are right: any share of their layers can be frozen. "
        f"Limited ones ({counts['limited']}) train as right, and shares other than those in the table are refused. "
        f"Refused ones ({counts['refused']}) are refused before the first trial, with the reason in the table.",
        "- layers: how many there are in the tiny model. The blocks of all stages count, and those of encoder and "
        "decoder together.\n"
        "- `frozen_layers`: the shares that work.\n"
        "- dropout: *set* where the study's value is applied to every dropout of the trained part; *none to set* where "
        "the architecture has no dropout.\n"
        "- trunk cache: *kept* where the hidden states of frozen layers are computed once for all trials, otherwise "
        "why each batch computes them.",
        "Models of timm need `pip install 'shichimi[timm]'`. On x86-64 Linux, PyPI's torchvision is built for CUDA: "
        "beside a torch for processors alone it cannot be imported, and transformers fails with it. Install "
        "torchvision from PyTorch's own index of processor builds there.",
    ]
    for kind in ("text", "image"):
        lines = [
            f"## {kind.capitalize()}s",
            "",
            "| model type | outcome | layers | `frozen_layers` | dropout | trunk cache | note |",
            "|--|--|--|--|--|--|--|",
        ]
        for name, row in rows.items():
            if name.startswith(f"{kind}/"):
                cells = [row.get(key) for key in ("verdict", "layers", "shares", "dropout", "trunk", "note")]
                shown = [str("" if cell is None else cell).replace("|", "\\|") for cell in cells]
                lines.append(f"| {name.removeprefix(f'{kind}/')} | {' | '.join(shown)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def life_page() -> str:
    """Return the page of a trial's life, with the diagram as the code has it now."""
    before, _, rest = LIFE.read_text(encoding="utf-8").partition(OPENS)
    _, _, after = rest.partition(CLOSES)
    return f"{before}{OPENS}{diagram()}{CLOSES}{after}"


PAGES = {
    DOCS / "reference" / "commands.md": commands_page,
    DOCS / "reference" / "recipes.md": recipes_page,
    DOCS / "reference" / "architectures.md": architectures_page,
    LIFE: life_page,
}


def main() -> int:
    """Write or check the pages."""
    stale = [path for path, page in PAGES.items() if not _is_current(path, page())]
    if "--check" in sys.argv:
        for path in stale:
            print(f"docs/{path.relative_to(DOCS)} is out of date: run `make docs`")
        return bool(stale)
    for path in stale:
        path.write_text(PAGES[path](), encoding="utf-8")
        print(f"wrote docs/{path.relative_to(DOCS)}")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
