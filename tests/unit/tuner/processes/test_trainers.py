from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tuner.errors import DataError, HubAway, TrainerDied, TunerError
from tuner.processes.messages import Progressed
from tuner.processes.trainers import ForkServer, Trainer, describe_exit

HELPERS = "trainer_functions"
#: Most of what can go wrong here hangs.
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def fork_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ForkServer]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    with ForkServer(tmp_path / "log", preload=()) as parent:
        yield parent


def wait_until(condition: Callable[[], bool], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def start(fork_server: ForkServer, function: str, **arguments: object) -> Trainer:
    return fork_server.start(f"{HELPERS}:{function}", arguments)


def test_a_call_returns_what_the_function_sends(fork_server: ForkServer) -> None:
    assert fork_server.call(f"{HELPERS}:add", {"left": 2, "right": 3}) == 5


def test_the_progress_of_a_call_comes_before_its_result(fork_server: ForkServer) -> None:
    seen: list[Progressed] = []
    assert fork_server.call(f"{HELPERS}:add_slowly", {"left": 2, "right": 3}, progress=seen.append) == 5
    assert seen == [Progressed(stage="adding", done=done, total=2) for done in (1, 2)]
    assert fork_server.call(f"{HELPERS}:add_slowly", {"left": 2, "right": 4}) == 6


def test_a_call_begins_as_the_one_before_began(fork_server: ForkServer) -> None:
    assert [fork_server.call(f"{HELPERS}:count_calls", {}) for _ in range(3)] == [1, 1, 1]
    assert fork_server.call(f"{HELPERS}:describe_process", {})["left_behind"] is None


def test_a_trainer_has_its_own_session_and_environment_and_no_folder_of_the_user_in_its_path(
    fork_server: ForkServer,
) -> None:
    facts = fork_server.call(f"{HELPERS}:describe_process", {}, {"VISIBLE": "GPU-1"})
    assert facts["session"] == facts["pid"] not in (os.getpid(), os.getsid(0))
    assert facts["visible"] == "GPU-1"
    assert "" not in facts["path"]
    assert os.getcwd() not in facts["path"]
    assert facts["safe_path"]
    assert fork_server.call(f"{HELPERS}:describe_process", {})["visible"] is None


def test_what_is_shared_is_made_once_and_is_there_for_every_trainer_also_of_a_new_parent(
    fork_server: ForkServer,
) -> None:
    fork_server.share(f"{HELPERS}:prepare_count", {"calls": 5})
    assert [fork_server.call(f"{HELPERS}:count_calls", {}) for _ in range(2)] == [6, 6]
    fork_server._process.kill()
    wait_until(lambda: not fork_server.alive)
    fork_server.restart()
    assert fork_server.call(f"{HELPERS}:count_calls", {}) == 6


def test_trainers_do_without_what_could_not_be_made_and_the_log_says_why(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    fork_server.share(f"{HELPERS}:prepare_in_vain", {})
    assert fork_server.call(f"{HELPERS}:count_calls", {}) == 1
    assert "LookupError: nothing to share" in (tmp_path / "log").read_text()


def test_what_ends_the_parent_is_not_made_again(fork_server: ForkServer, tmp_path: Path) -> None:
    fork_server.call(f"{HELPERS}:count_calls", {})  # what it was before it was told says nothing
    fork_server.share(f"{HELPERS}:prepare_and_die", {"note": str(tmp_path / "note")})
    wait_until(lambda: not fork_server.alive)
    with pytest.raises(TrainerDied):
        fork_server.call(f"{HELPERS}:count_calls", {})
    fork_server.restart()
    assert fork_server.call(f"{HELPERS}:count_calls", {}) == 1
    assert (tmp_path / "note").read_text() == "died\n"


@pytest.mark.parametrize(("set_by_user", "found"), [(None, "passive"), ("active", "active")])
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(
    set_by_user: str | None, found: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if set_by_user is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", set_by_user)
    with ForkServer(tmp_path / "log", preload=()) as fork_server:
        assert fork_server.call(f"{HELPERS}:describe_process", {})["waiting"] == found


def test_an_error_of_ours_comes_back_as_it_was_raised(fork_server: ForkServer) -> None:
    with pytest.raises(DataError, match=r"^study\.yaml: data\.text: is nowhere$") as caught:
        fork_server.call(f"{HELPERS}:raise_ours", {})
    assert (caught.value.source, caught.value.key) == ("study.yaml", "data.text")


def test_that_the_hub_is_away_comes_back_as_it_was_raised(fork_server: ForkServer) -> None:
    with pytest.raises(HubAway, match=r"^data set 'some/data' is not cached here, and the hub cannot be reached$"):
        fork_server.call(f"{HELPERS}:raise_hub_away", {})


def test_any_other_error_comes_back_with_its_name(fork_server: ForkServer) -> None:
    with pytest.raises(TunerError, match=r"^ZeroDivisionError: by zero$"):
        fork_server.call(f"{HELPERS}:raise_any", {})


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("exit_silently", {"code": 3}, "exit code 3"),
        ("die_of", {"number": signal.SIGKILL}, "killed by SIGKILL"),
        ("die_in_the_middle_of_a_message", {}, "exit code 0"),
        ("missing", {}, "exit code 1"),
    ],
)
def test_a_trainer_that_ends_without_a_word_is_said_so_and_the_next_one_works(
    fork_server: ForkServer, function: str, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(TrainerDied, match=rf"{HELPERS}:{function} ended without a word: {words}"):
        fork_server.call(f"{HELPERS}:{function}", arguments)
    assert fork_server.call(f"{HELPERS}:add", {"left": 1, "right": 1}) == 2


def test_two_trainers_talk_at_once_each_on_its_own_pipe(fork_server: ForkServer) -> None:
    one, other = start(fork_server, "echo_until_told"), start(fork_server, "echo_until_told")
    assert one.pid != other.pid
    one.connection.send("for one")
    other.connection.send("for other")
    assert (other.connection.recv(), one.connection.recv()) == ("for other", "for one")
    # The later one holds no end of the earlier one's pipe: its end of file comes through.
    one.connection.send("end")
    with pytest.raises(EOFError):
        one.connection.recv()
    assert one.exit_code() == 0
    other.kill()
    one.kill()


def test_exit_codes_are_told_apart_in_whatever_order_trainers_end(fork_server: ForkServer) -> None:
    first, second = start(fork_server, "echo_until_told"), start(fork_server, "exit_silently", code=7)
    with pytest.raises(EOFError):
        second.connection.recv()
    os.kill(first.pid, signal.SIGKILL)
    with pytest.raises(EOFError):
        first.connection.recv()
    assert first.exit_code() == -signal.SIGKILL
    assert second.exit_code() == 7
    first.kill()
    second.kill()


def test_the_steps_of_a_trainer_are_known_when_it_is_dead_and_are_its_own(fork_server: ForkServer) -> None:
    first, second = start(fork_server, "die_after", count=3), start(fork_server, "die_after", count=70_000)
    for trainer, steps in ((second, 70_000), (first, 3)):
        with pytest.raises(EOFError):
            trainer.connection.recv()
        assert trainer.exit() == (-signal.SIGABRT, steps)
        trainer.kill()


def test_the_kernel_would_rather_kill_a_trainer_than_those_it_depends_on(fork_server: ForkServer) -> None:
    trainer = start(fork_server, "echo_until_told")

    def badness(pid: int | str) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii"))

    wait_until(lambda: badness(trainer.pid) > badness("self") or badness("self") == 1000)
    trainer.kill()


def test_a_trainer_leaves_at_the_end_of_its_pipe(fork_server: ForkServer, tmp_path: Path) -> None:
    trainer = start(fork_server, "wait_for_the_end_of_the_pipe", mark=str(tmp_path / "mark"))
    assert trainer.connection.recv() == "ready"
    trainer.connection.close()
    wait_until(lambda: gone(trainer.pid))
    assert (tmp_path / "mark").read_text(encoding="utf-8") == "left"


def test_trainers_die_with_their_parent_and_a_new_parent_serves(fork_server: ForkServer) -> None:
    trainers = [start(fork_server, "echo_until_told") for _ in range(2)]
    parent = psutil.Process(trainers[0].pid).ppid()
    os.kill(parent, signal.SIGKILL)
    for trainer in trainers:
        with pytest.raises((EOFError, ConnectionResetError)):
            trainer.connection.recv()
    assert trainers[0].exit_code() is None
    wait_until(lambda: not fork_server.alive)
    with pytest.raises(TrainerDied, match="killed by SIGKILL"):
        start(fork_server, "echo_until_told")
    fork_server.restart()
    began = time.monotonic()
    assert trainers[1].exit_code() is None  # at once: the new parent never heard of it
    assert time.monotonic() - began < 5
    assert fork_server.call(f"{HELPERS}:add", {"left": 4, "right": 4}) == 8
    for trainer in trainers:
        trainer.kill()


def test_restarting_a_parent_that_runs_changes_nothing(fork_server: ForkServer) -> None:
    trainer = start(fork_server, "echo_until_told")
    fork_server.restart()
    trainer.connection.send("still here")
    assert trainer.connection.recv() == "still here"
    trainer.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_for_the_whole_group_is_left_to_the_supervisor(
    fork_server: ForkServer, number: signal.Signals
) -> None:
    trainer = start(fork_server, "echo_until_told")
    trainer.connection.send("it runs")
    assert trainer.connection.recv() == "it runs"
    for pid in (trainer.pid, psutil.Process(trainer.pid).ppid()):
        os.kill(pid, number)
    trainer.connection.send("still here")
    assert trainer.connection.recv() == "still here"
    assert fork_server.call(f"{HELPERS}:add", {"left": 1, "right": 2}) == 3
    trainer.kill()


def test_closing_ends_every_trainer(fork_server: ForkServer) -> None:
    trainers = [start(fork_server, "echo_until_told") for _ in range(2)]
    fork_server.close()
    for trainer in trainers:
        wait_until(lambda pid=trainer.pid: gone(pid))
        trainer.connection.close()


def test_a_killed_trainer_is_gone_and_killing_it_again_is_harmless(fork_server: ForkServer) -> None:
    trainer = start(fork_server, "echo_until_told")
    trainer.kill()
    wait_until(lambda: gone(trainer.pid))
    trainer.kill()


def test_what_trainers_write_goes_to_the_log_and_a_quiet_end_writes_nothing(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    fork_server.call(f"{HELPERS}:write_to_both", {})
    exits = [start(fork_server, "exit_silently", code=0) for _ in range(3)]
    for trainer in exits:
        with pytest.raises(EOFError):
            trainer.connection.recv()
        trainer.connection.close()
    # Reports of these ends lie unread in the socket that closes now.
    fork_server._requests.close()
    fork_server._process.wait(timeout=30)
    assert sorted((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == ["to stderr", "to stdout"]


def test_a_trainer_inherits_no_descriptor_of_other_trainers(fork_server: ForkServer) -> None:
    def descriptors() -> int:
        return int(fork_server.call(f"{HELPERS}:describe_process", {})["descriptors"])

    alone = descriptors()
    others = [start(fork_server, "echo_until_told") for _ in range(3)]
    assert descriptors() == alone
    for trainer in others:
        trainer.kill()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (-9, "killed by SIGKILL"),
        (-200, "killed by signal 200"),
        (None, "no exit code is known"),
    ],
)
def test_an_exit_code_is_put_in_words(code: int | None, words: str) -> None:
    assert describe_exit(code) == words


def test_the_steps_of_a_trainer_are_seen_while_it_trains_and_apart_from_those_of_others(
    fork_server: ForkServer,
) -> None:
    trainers = [start(fork_server, "count_until_told", count=count) for count in (3, 5)]
    for trainer in trainers:
        assert trainer.connection.recv() == "counted"
    assert [trainer.optimiser_steps for trainer in trainers] == [3, 5]
    for trainer in trainers:
        trainer.kill()
    assert [trainer.optimiser_steps for trainer in trainers] == [3, 5], "also when it is dead"
