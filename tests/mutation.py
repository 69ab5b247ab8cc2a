"""Mutation testing: makes small faults in a module, one at a time, and lists the faults that no test notices.

Run it as `make mutation MODULES="slots freezing"`. It is a tool for developers and no part of the tests. cosmic-ray
knows which faults can be made. This file adds two kinds of its own, draws a seeded sample, and runs a module's quick
tests against each fault, in a copy of the repository. Only SQLite is used.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names
from parso.python.tree import ExprStmt, Keyword, PythonNode

ROOT = Path(__file__).parent.parent
#: Seconds that a test run may take: so many beside so many times what it takes without a fault.
GRACE_S, GRACE_FACTOR = 10.0, 3.0
#: Imported once, and inherited by each test run. Nothing of this repository, and nothing that pytest rewrites.
PRELOADED = (
    "optuna",
    "sqlalchemy.orm",
    "datasets",
    "fsspec.implementations.local",
    "sklearn.metrics",
    "pandas",
    "pydantic",
)
PRELOADED_FOR_TRAINING = (
    "accelerate", "safetensors.torch", "torch", "transformers.trainer", "transformers.models.bert.modeling_bert",
    "transformers.models.roberta.modeling_roberta", "transformers.models.vit.modeling_vit",
    "transformers.models.distilbert.modeling_distilbert", "transformers.models.electra.modeling_electra",
    "transformers.models.deberta_v2.modeling_deberta_v2",
)  # fmt: skip
#: Endings of the operators of cosmic-ray that say nothing here: they change decorators, need arguments, or tell `==`
#: from `is` for members of enums, which are the same.
LEFT_OUT = (
    "RemoveDecorator",
    "VariableReplacer",
    "VariableInserter",
    "_Eq_Is",
    "_NotEq_IsNot",
    "_Is_Eq",
    "_IsNot_NotEq",
)


@dataclass(frozen=True, kw_only=True)
class Module:
    """A module, and the tests that are to notice faults in it."""

    path: str
    tests: tuple[str, ...]
    #: For `pytest -k`: which of these tests are quick.
    quick: str = ""
    #: Faults to be made.
    mutants: int = 20


_ANYIO = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
_SQLITE = "not postgresql and not mariadb"
_ALONE = f"{_SQLITE} and not eight and not killed and not race and not outage and not went_away"
_BERT = "not roberta and not distilbert and not electra and not deberta and not vit"
_TRAINING = "tests/unit/tuner/training"
_LOOP_TESTS = (f"{_TRAINING}/test_loop.py", f"{_TRAINING}/test_out_of_memory.py", f"{_TRAINING}/test_resuming.py")
_LOOP_QUICK = (
    f"{_BERT} and not never_interrupted and not after_every and not every_schedule and not holds_what_is_trained"
    " and not saved_weights and not locked"
)

MODULES = {
    "slots": Module(
        path="storage/slots.py",
        tests=("tests/contracts/test_slots.py",),
        quick=f"{_SQLITE} and not eight and not race and not grows",
    ),
    "fencing": Module(
        path="storage/fencing.py",
        tests=("tests/contracts/test_fencing.py", "tests/contracts/test_slots.py", "tests/contracts/test_studies.py"),
        quick=f"{_ALONE} and (test_fencing or lease or deleted or suspended)",
    ),
    "manifests": Module(
        path="storage/manifests.py",
        tests=("tests/unit/storage/test_manifests.py",),
    ),
    "freezing": Module(
        path="tuner/training/model/freezing.py",
        tests=(f"{_TRAINING}/model/test_freezing.py", f"{_TRAINING}/test_effective_configuration.py"),
        quick=f"test_freezing or (freezes or thaws) and {_BERT}",
    ),
    "dropout": Module(
        path="tuner/training/model/dropout.py",
        tests=(
            f"{_TRAINING}/model/test_dropout.py",
            f"{_TRAINING}/model/test_loading.py",
        ),
    ),
    "parameter_groups": Module(
        path="tuner/training/optimisation/parameter_groups.py",
        tests=(f"{_TRAINING}/optimisation/test_parameter_groups.py",),
    ),
    "schedules": Module(
        path="tuner/training/optimisation/schedules.py",
        tests=(f"{_TRAINING}/optimisation/test_schedules.py",),
        quick="not 0.25",
    ),
    "schedule_names": Module(
        path="search_spaces/schedules.py",
        tests=(f"{_TRAINING}/optimisation/test_schedules.py", "tests/unit/search_spaces/test_space.py"),
        quick="not rate",
    ),
    "loop": Module(path="tuner/training/loop.py", tests=_LOOP_TESTS, quick=_LOOP_QUICK),
    "accumulation": Module(
        path="tuner/training/accumulation.py",
        tests=(f"{_TRAINING}/test_out_of_memory.py", f"{_TRAINING}/test_loop.py"),
        quick=_LOOP_QUICK,
        mutants=8,
    ),
    "plan": Module(path="tuner/training/plan.py", tests=_LOOP_TESTS, quick=_LOOP_QUICK, mutants=8),
    "receiver": Module(path="tuner/supervisor/receiver.py", tests=("tests/unit/tuner/supervisor/test_receiver.py",)),
    "outcomes": Module(path="tuner/supervisor/outcomes.py", tests=("tests/unit/tuner/supervisor/test_outcomes.py",)),
    "attempt_state": Module(
        path="tuner/supervisor/attempt_state.py", tests=("tests/unit/tuner/supervisor/test_attempt_state.py",)
    ),
}


# ---- faults that cosmic-ray does not make


class RemoveCall(Operator):  # type: ignore[misc]
    """Leaves a statement out that is nothing but a call."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Yield where such a statement stands."""
        if isinstance(node, PythonNode) and node.type == "simple_stmt" and _is_call(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put `pass` in its place."""
        first = node.children[0]
        node.children[0] = Keyword("pass", first.start_pos, first.get_first_leaf().prefix)
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none."""
        return ()


class RemoveItem(Operator):  # type: ignore[misc]
    """Leaves one item out of a display, and one of the conditions out of a query."""

    _queries = ("where", "and_", "or_", "order_by", "_update")
    _displays = ("testlist_comp", "dictorsetmaker")

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Yield where such items stand."""
        yield from [(node.children[first].start_pos, node.children[last].end_pos) for first, last in self._items(node)]

    def mutate(self, node: Any, index: int) -> Any:
        """Take the item out, with a comma beside it."""
        first, last = self._items(node)[index]
        is_last = last + 1 == len(node.children)
        del node.children[first - 1 if is_last else first : last + 1 if is_last else last + 2]
        return node

    def _items(self, node: Any) -> list[tuple[int, int]]:
        if not isinstance(node, PythonNode) or not self._is_taken(node):
            return []
        commas = [index for index, child in enumerate(node.children) if getattr(child, "value", "") == ","]
        bounds = [-1, *commas, len(node.children)]
        items = [(one + 1, two - 1) for one, two in pairwise(bounds) if two - one > 1]
        return items if len(items) > 1 else []

    def _is_taken(self, node: Any) -> bool:
        if node.type in self._displays:
            return not any(getattr(child, "type", "") in ("sync_comp_for", "comp_for") for child in node.children)
        if node.type != "arglist":
            return False
        before = node.parent.get_first_leaf().get_previous_leaf()
        return getattr(before, "value", "") in self._queries

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none."""
        return ()


def _is_call(node: Any) -> bool:
    return (
        not isinstance(node, ExprStmt)
        and getattr(node, "type", "") in ("atom_expr", "power")
        and node.children[-1].type == "trailer"
        and getattr(node.children[-1].children[0], "value", "") == "("
    )


# ---- the sample


def operators() -> Iterator[tuple[str, Operator]]:
    """Yield every kind of fault, by name."""
    for name in operator_names():
        short = name.rsplit("/", 1)[-1]
        if not short.endswith(LEFT_OUT):
            yield short, get_operator(name)()
    yield from (("RemoveCall", RemoveCall()), ("RemoveItem", RemoveItem()))


def mutants(source: str) -> list[list[str]]:
    """Return the module with each fault that can be made; those of one kind at one place stand together."""
    whole = _meaning(source)
    found: dict[tuple[Any, str], list[str]] = {}
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in operators():
        family = name.split("_")[0]  # of comparisons and the like one kind for each pair of signs
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, place in enumerate(places):
            changed = mutate_code(source, operator, occurrence)
            try:
                is_other = changed is not None and _meaning(changed) != whole
            except SyntaxError:
                continue
            if is_other:
                found.setdefault((place[0], family), []).append(changed)
    return [group for _, group in sorted(found.items(), key=lambda item: (tuple(item[0][0]), item[0][1]))]


def sample(source: str, count: int, seed: str) -> list[str]:
    """Draw so many faults, no two of one kind at one place."""
    drawn = random.Random(seed)  # seeded by text, which Python hashes in the same way everywhere
    groups = mutants(source)
    return [drawn.choice(group) for group in drawn.sample(groups, min(count, len(groups)))]


class _Runs(ast.NodeTransformer):
    """Leaves out what does not run: annotations, docstrings and imports for the type checker alone."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value or ast.Constant(None)), node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        self.generic_visit(node)
        # How an argument may be given is the type checker's to notice.
        everything = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.posonlyargs, node.args, node.kwonlyargs = everything, [], []
        node.defaults, node.kw_defaults = [*node.defaults, *filter(None, node.kw_defaults)], []
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = []  # whether a dataclass is frozen is the type checker's to notice
        self.generic_visit(node)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        return ast.Pass() if "TYPE_CHECKING" in ast.dump(node.test) else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        return ast.Pass() if isinstance(node.value, ast.Constant) else node


def _meaning(source: str) -> str:
    return ast.dump(_Runs().visit(ast.parse(source)))


# ---- test runs


def copy_repository(target: Path) -> None:
    """Copy the files that git knows or would: faults are made in the copy."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def passes(copy: Path, module: Module, *, limit_s: float, log: Path) -> bool | None:
    """Run a module's quick tests in a fork of this process; None where they take too long."""
    child = os.fork()
    if child == 0:
        _run_tests(copy, module, log)
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _run_tests(copy: Path, module: Module, log: Path) -> None:
    """Never returns."""
    code = 2
    try:
        os.setpgid(0, 0)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.chdir(copy)
        # Before the entry of an editable installation, here and in the processes that the tests start.
        sys.path.insert(0, str(copy))
        os.environ["PYTHONPATH"] = str(copy)
        import pytest

        # anyio brings a plugin for pytest, and is among the modules that were imported before.
        arguments = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", _ANYIO]
        code = int(pytest.main([*arguments, *(["-k", module.quick] if module.quick else []), *module.tests]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def examine(name: str, copy: Path, *, count: int | None, seed: int, only: list[int] | None) -> tuple[str, list[str]]:
    """Return the row of a module in the table, and the faults that survived as diffs."""
    module = MODULES[name]
    path, log = copy / module.path, copy / "mutation.log"
    source = path.read_text()
    written_s = path.stat().st_mtime
    begun = time.monotonic()
    if not passes(copy, module, limit_s=1200, log=log):
        raise SystemExit(f"{name}: the tests fail without a fault\n{log.read_text()}")
    limit_s = GRACE_S + GRACE_FACTOR * (clean_s := time.monotonic() - begun)
    drawn = list(enumerate(sample(source, count or module.mutants, f"{seed}/{name}"), start=1))
    drawn = [(number, mutant) for number, mutant in drawn if only is None or number in only]
    results = []
    for number, mutant in drawn:
        path.write_text(mutant)
        # Python takes compiled code for current where the second and the size of the file are the same.
        os.utime(path, (written_s + number, written_s + number))
        results.append(passes(copy, module, limit_s=limit_s, log=log))
        sys.stderr.write(f"{name} {number}: {_WORDS[results[-1]]}\n")
    path.write_text(source)
    os.utime(path, (written_s, written_s))
    took_s = time.monotonic() - begun
    counts = [results.count(result) for result in (False, True, None)]
    row = f"| {name} | {len(drawn)} | {' | '.join(map(str, counts))} | {clean_s:.0f} | {took_s:.0f} |"
    survived = [each for each, result in zip(drawn, results, strict=True) if result]
    return row, [f"{name} {number}\n{_diff(source, mutant, module.path)}" for number, mutant in survived]


_WORDS = {False: "killed", True: "survived", None: "timed out"}


def _diff(source: str, mutant: str, path: str) -> str:
    lines = difflib.unified_diff(source.splitlines(), mutant.splitlines(), path, path, lineterm="", n=1)
    return "\n".join(lines)


def say(text: str) -> None:
    """Write a line at once: a run takes minutes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Print a table of the modules, and the faults that survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(MODULES))
    parser.add_argument("--mutants", type=int, help="faults to make in each module")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="of the sample, to try survivors again")
    parser.add_argument("--list", action="store_true", help="print the sample and run nothing")
    arguments = parser.parse_args()
    names = arguments.modules or list(MODULES)
    if arguments.list:
        for name in names:
            source = (ROOT / MODULES[name].path).read_text()
            for mutant in sample(source, arguments.mutants or MODULES[name].mutants, f"{arguments.seed}/{name}"):
                say(_diff(source, mutant, MODULES[name].path))
        return
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_WAIT_POLICY="passive")
    trains = any(MODULES[name].path.startswith("tuner/training") for name in names)
    for each in (*PRELOADED, *(PRELOADED_FOR_TRAINING if trains else ())):
        importlib.import_module(each)
    sys.path[:] = [each for each in sys.path if Path(each).resolve() not in (ROOT, ROOT / "tests")]
    sys.dont_write_bytecode = False
    survivors: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy_repository(Path(folder))
        say("| module | mutants | killed | survived | timed out | clean run, s | all, s |")
        say("|---|---|---|---|---|---|---|")
        for name in names:
            row, alive = examine(name, Path(folder), count=arguments.mutants, seed=arguments.seed, only=arguments.only)
            say(row)
            survivors += alive
            sys.stderr.write("\n".join([*alive, ""]))
    say("\n".join(["", *survivors]))


if __name__ == "__main__":
    main()
