"""Writes the parts of the documentation that are made from the code: commands, recipes, the diagram of a trial's life.

`python docs/update_reference.py` writes them, `--check` only says whether they are up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from click.testing import CliRunner

from search_spaces.recipes import RecipeRow, load_recipes
from tuner.cli.main import COMMANDS, group
from tuner.supervisor.attempt_state import diagram

DOCS = Path(__file__).parent
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


def life_page() -> str:
    """Return the page of a trial's life, with the diagram as the code has it now."""
    before, _, rest = LIFE.read_text(encoding="utf-8").partition(OPENS)
    _, _, after = rest.partition(CLOSES)
    return f"{before}{OPENS}{diagram()}{CLOSES}{after}"


PAGES = {
    DOCS / "reference" / "commands.md": commands_page,
    DOCS / "reference" / "recipes.md": recipes_page,
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
