"""Measuring systems beside each other: fresh processes, interleaved rounds, medians, ratios and gates.

The measure is the processor time of the whole process tree, since other load on the machine hardly moves it. Each
measurement has a process of its own, with one thread for tensor operations; systems take turns, in another order each
round. The standard library alone is imported here: functions are also called in environments without this project's.

A benchmark is a script of this shape:

    def train_theirs(depth: int) -> dict[str, Any]:      # in a fresh process; takes and returns JSON values
        import transformers                               # start-up, outside of the section
        with section() as spent:
            ...
        return {"losses": losses, "cpu_s": spent.cpu_s}

    def main() -> int:
        options = parse(__doc__)
        found = interleave({"ours": lambda: measure(train_ours, depth=4), "theirs": ...}, options.rounds)
        ratio = median(found["theirs"], lambda one: one.report["cpu_s"]) / median(...)
        show("4 of 6 layers", ("system", "CPU-s"), rows)
        return finish(options, gates=[Gate("k=4", ratio, at_least=1.5)], equalities=[Equality("losses", 0.0, 1e-5)])
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

#: What every measured process is started with.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}
#: File of what a function has returned.
RESULT = "result.json"
#: Seconds that processes have which the measured command leaves behind, before they are killed.
GRACE_S = 10.0
#: `prctl`'s numbers for: orphans among my descendants become my children; this signal is sent when my parent ends.
_PR_SET_CHILD_SUBREAPER, _PR_SET_PDEATHSIG = 36, 1

_T = TypeVar("_T")


class Failed(Exception):
    """A measured process ended with an error."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One process tree, from its start to its end."""

    #: Processor time of the command and of all its descendants, user and system, start-up included.
    cpu_s: float
    wall_s: float
    #: Most memory that any single process of the tree has held.
    peak_bytes: int
    #: What the function returned; for a command its output, as `{"stdout": ...}`.
    report: Mapping[str, Any]


@dataclass
class Spent:
    """What a section of a process took; complete once the section is left."""

    #: Of this process, all its threads, and of those children that were waited for within the section.
    cpu_s: float = 0.0
    wall_s: float = 0.0


@contextmanager
def section() -> Iterator[Spent]:
    """Measure a part of a process from within: what is imported and loaded before it does not count."""
    spent = Spent()
    cpu, wall = _own_cpu_s(), time.monotonic()
    try:
        yield spent
    finally:
        spent.cpu_s, spent.wall_s = _own_cpu_s() - cpu, time.monotonic() - wall


def _own_cpu_s() -> float:
    return _cpu_s(resource.RUSAGE_SELF) + _cpu_s(resource.RUSAGE_CHILDREN)


def _cpu_s(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def tree_cpu_s() -> float:
    """Return the processor time of the measured command so far: of all its processes, and of those they waited for.

    To be called by what `measure` has started. To a hundredth of a second, as the kernel shows it of others.
    """
    parents, ticks = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it has ended
                fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
                ticks[int(folder.name)] = sum(map(int, fields[11:15]))
    tree = {os.getppid()}
    while more := {process for process, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sum(ticks[process] for process in tree if process in ticks) / os.sysconf("SC_CLK_TCK")


# ---- fresh processes


def measure(function: Callable[..., Any], *, python: str | Path = sys.executable, **arguments: Any) -> Measured:
    """Call a function in a fresh process.

    Args:
        function: A function of a module's top level, in a file of this folder; returns a dictionary of JSON values.
        python: The interpreter: that of another environment, where the function imports what is only there.
        **arguments: Its arguments; JSON values.

    Raises:
        Failed: It raised an error.
    """
    with tempfile.TemporaryDirectory() as scratch:
        found = run(calling(function, Path(scratch), python=python, **arguments))
        report = json.loads((Path(scratch) / RESULT).read_text(encoding="utf-8"))
        return Measured(**{**found.__dict__, "report": report})


def measure_here(function: Callable[..., Any], **arguments: Any) -> Measured:
    """Call a function in this process: for small runs, in which imports would take longer than all the rest."""
    with section() as spent:
        report = json.loads(json.dumps(function(**arguments)))
    return Measured(cpu_s=spent.cpu_s, wall_s=spent.wall_s, peak_bytes=0, report=report)


def calling(
    function: Callable[..., Any], scratch: Path, *, python: str | Path = sys.executable, **arguments: Any
) -> list[str]:
    """Return the command that calls a function in a fresh process, and writes `RESULT` into a folder at its end."""
    call = scratch / f"{function.__name__}.json"
    file = str(Path(function.__code__.co_filename).resolve())
    content = {"file": file, "function": function.__name__, "arguments": arguments}
    call.write_text(json.dumps(content), encoding="utf-8")
    return [str(python), str(Path(__file__).resolve()), "call", str(scratch / RESULT), str(call)]


def run(
    command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Measured:
    """Run a command to its end.

    Args:
        command: The command with its arguments.
        environment: Added to this process's environment and to `ENVIRONMENT`.
        folder: Where it runs; None is here.

    Raises:
        Failed: Its exit code was not 0.
    """
    with tempfile.TemporaryDirectory() as scratch:
        usage, output, errors = (Path(scratch) / name for name in ("usage.json", "stdout", "stderr"))
        with output.open("wb") as stdout, errors.open("wb") as stderr:
            subprocess.run(
                [sys.executable, "-I", "-S", str(Path(__file__).resolve()), "reap", str(usage), *map(str, command)],
                env={**os.environ, **ENVIRONMENT, **(environment or {})},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                check=True,
            )
        taken = json.loads(usage.read_text(encoding="utf-8"))
        code = taken.pop("code")
        said = output.read_text(encoding="utf-8", errors="replace")
        if code != 0:
            tail = errors.read_text(encoding="utf-8", errors="replace")[-4000:]
            raise Failed(f"{' '.join(map(str, command))}: exit code {code}\n{said[-2000:]}\n{tail}")
    return Measured(**taken, report={"stdout": said})


def _reap(usage: Path, command: Sequence[str]) -> None:
    """Run a command as the parent of whatever it leaves behind, and write what all of them took."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Whoever interrupts a benchmark interrupts all of it.
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    began = time.monotonic()
    code = subprocess.Popen(command, preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)).wait()
    wall_s = time.monotonic() - began
    deadline = time.monotonic() + GRACE_S
    while _children_left():
        if time.monotonic() > deadline:
            for child in _children():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        time.sleep(0.02)  # there is no waiting for any child with a deadline
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = {
        "code": code,
        "cpu_s": children.ru_utime + children.ru_stime,
        "wall_s": wall_s,
        "peak_bytes": children.ru_maxrss * 1024,
    }
    usage.write_text(json.dumps(taken), encoding="utf-8")


def _children_left() -> bool:
    """Wait for the children that have ended; return whether there are others."""
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if ended == 0:
            return True


def _children() -> list[int]:
    me = os.getpid()
    return list(map(int, Path(f"/proc/{me}/task/{me}/children").read_text(encoding="utf-8").split()))


def _call(result: Path, call: Mapping[str, Any]) -> None:
    """Import a file as a module and call a function of it."""
    file = Path(call["file"])
    sys.path.insert(1, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    result.write_text(json.dumps(getattr(module, call["function"])(**call["arguments"])), encoding="utf-8")


# ---- systems beside each other


def interleave(systems: Mapping[str, Callable[[], _T]], rounds: int) -> dict[str, list[_T]]:
    """Let systems take turns, beginning with another one each round.

    Args:
        systems: What measures each system once, by its name.
        rounds: How often.

    Returns:
        By system, what each round has found.
    """
    found: dict[str, list[_T]] = {name: [] for name in systems}
    names = list(systems)
    for number in range(rounds):
        first = number % len(names)
        for name in [*names[first:], *names[:first]]:
            found[name].append(systems[name]())
            print(f"  round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)  # noqa: T201
    return found


def median(found: Sequence[_T], of: Callable[[_T], float]) -> float:
    """Return the median of a number of each round."""
    return statistics.median(map(of, found))


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "reap":
        _reap(Path(where), rest)
    else:
        _call(Path(where), json.loads(Path(rest[0]).read_text(encoding="utf-8")))
