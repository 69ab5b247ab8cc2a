"""A task near the pretraining, from installed packages: of which package is the first sentence of a docstring?

The texts are English about numbers, graphics, databases and the like, which is what sentence encoders tell apart
already: a head on frozen layers does well, and training layers adds little. Sources are parsed, never imported.
"""

from __future__ import annotations

import ast
import csv
import importlib.util
import random
import re
from pathlib import Path

#: The classes: packages that `pip install shichimi[test]` brings, with many public docstrings each.
PACKAGES = (
    *("accelerate", "click", "datasets", "fsspec", "numpy", "optuna", "PIL", "pyarrow"),
    *("scipy", "sklearn", "sqlalchemy", "torch", "transformers"),
)
#: Characters of a sentence, at least and at most.
SHORTEST, LONGEST = 30, 200


def sentences(package: str) -> list[str]:
    """Return the first sentences of a package's docstrings, each once, without those that name the package."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    found: set[str] = set()
    for path in sorted(Path(spec.origin).parent.rglob("*.py")):
        if "test" in path.as_posix().rpartition("site-packages")[2]:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and (said := ast.get_docstring(node)):
                first = " ".join(re.split(r"(?<=[.!?])\s|\n\s*\n", said.strip())[0].split())
                if SHORTEST <= len(first) <= LONGEST and package.lower() not in first.lower():
                    found.add(first)
    return sorted(found)


def write_docstrings(path: Path, *, rows: int, seed: int = 0) -> None:
    """Write a csv of texts and packages, equally many of each package."""
    rng = random.Random(seed)
    by_package = {package: sentences(package) for package in PACKAGES}
    each = rows // len(PACKAGES)
    chosen = {package: rng.sample(found, min(each, len(found))) for package, found in by_package.items()}
    table = [(text, package) for package, texts in chosen.items() for text in texts]
    rng.shuffle(table)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "package"])
        writer.writerows(table)
