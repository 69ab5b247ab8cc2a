"""Writes the parts of the reference that the program itself knows: the help of each command, and the recipes.

`python docs/update_reference.py` writes them, `--check` only says whether they are up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from click.testing import CliRunner

from search_spaces.recipes import RecipeRow, load_recipes
from tuner.cli.main import COMMANDS, group

FOLDER = Path(__file__).parent / "reference"


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
        "Generated from `search_spaces/recipes.yaml` by `make docs`. The first family that matches a model gives its "
        "trial 0, and the range of its learning rate: default / 8 to default * 8.",
    ]
    for row in load_recipes():
        lines = [f"## {row.recipe.family}", _models(row), "", "| hyperparameter | default | source |", "|--|--|--|"]
        for name, published in row.recipe.parameters.items():
            source = " ".join(published.source.split()).replace("|", "\\|")
            lines.append(f"| `{name}` | {published.default} | {source} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


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


PAGES = {"commands.md": commands_page, "recipes.md": recipes_page}


def main() -> int:
    """Write or check the pages."""
    stale = [name for name, page in PAGES.items() if not _is_current(FOLDER / name, page())]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is out of date: run `make docs`")
        return bool(stale)
    for name in stale:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/reference/{name}")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
