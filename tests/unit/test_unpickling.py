"""Nothing of ours turns bytes into objects that could be code, except between a supervisor and its own children."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import tables

ROOT = Path(__file__).parents[2]
#: Modules whose reading functions run what they read.
MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
#: Functions that do so, or may be told to.
CALLS = {
    "eval",
    "exec",
    "np.load",
    "numpy.load",
    "pandas.read_pickle",
    "pd.read_pickle",
    "torch.load",
    "yaml.full_load",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
}
READING = {"load", "loads", "Unpickler", "open", "read_pickle", "decode"}
#: Pipes between a supervisor and the processes that it has started.
ALLOWED = {
    ("tuner/processes/trainers.py", "pickle.loads"),
    ("tuner/processes/fork_server.py", "pickle.loads"),
}


def dangers(source: str) -> Iterator[str]:
    """Yield the calls and imports in a source that could make code of data."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield f"from {node.module} import"
        elif isinstance(node, ast.Import):
            yield from (f"import {name.name} as" for name in node.names if name.name in MODULES and name.asname)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            told = {word.arg: ast.unparse(word.value) for word in node.keywords}
            module, _, name = called.rpartition(".")
            if module in MODULES and name in READING:
                yield called
            elif called in ("torch.load", "np.load", "numpy.load"):
                safe = told.get("weights_only") == "True" if called == "torch.load" else "allow_pickle" not in told
                if not safe:
                    yield called
            elif called in CALLS or told.get("allow_pickle") == "True" or told.get("weights_only") == "False":
                yield called


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(x)",
        "import pickle\npickle.Unpickler(x).load()",
        "from pickle import loads",
        "import pickle as p",
        "import joblib\njoblib.load(x)",
        "torch.load(x)",
        "torch.load(x, weights_only=False)",
        "np.load(x, allow_pickle=True)",
        "pd.read_pickle(x)",
        "yaml.load(x, Loader=L)",
        "yaml.unsafe_load(x)",
        "eval(x)",
        "shelve.open(x)",
    ],
)
def test_what_could_make_code_of_data_is_found(source: str) -> None:
    assert [*dangers(source)]


def test_what_cannot_is_left_alone() -> None:
    assert not [
        *dangers("import pickle\npickle.dumps(x)\nmodel.eval()\ntorch.load(x, weights_only=True)\njson.loads(x)")
    ]


def test_nothing_of_ours_makes_code_of_data() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), danger)
        for package in ("search_spaces", "storage", "tuner")
        for path in (ROOT / package).rglob("*.py")
        for danger in dangers(path.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED


def test_no_column_of_ours_holds_a_pickle() -> None:
    kinds = {type(column.type) for table in tables.metadata.tables.values() for column in table.columns}
    assert kinds
    assert not any(issubclass(kind, sa.PickleType | sa.LargeBinary) for kind in kinds)
