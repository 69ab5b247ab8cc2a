from __future__ import annotations

import signal

import pytest

from tuner.supervisor.crash import Crash, describe_crash, was_killed


@pytest.mark.parametrize("code", [-signal.SIGKILL, 137])
def test_a_kill_is_the_kernels_where_it_says_so_and_anybodys_where_not(code: int) -> None:
    assert was_killed(code)
    killed = describe_crash(code, 12, out_of_memory=True)
    assert killed == Crash(
        reason="out of memory: the kernel killed its trainer after optimiser step 12", own=True, memory="host"
    )
    by_somebody = describe_crash(code, 12, out_of_memory=False)
    assert (by_somebody.own, by_somebody.memory) == (False, None)
    assert by_somebody.reason.startswith("its trainer ended without a word: ")
    unknown = describe_crash(code, 12, out_of_memory=None)
    assert unknown == Crash(reason=f"{by_somebody.reason}, perhaps for want of memory")


@pytest.mark.parametrize("code", [-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, 0, 1, 3])
def test_a_crash_of_its_own_doing_says_at_which_step(code: int) -> None:
    late, early = describe_crash(code, 7, out_of_memory=False), describe_crash(code, 0, out_of_memory=False)
    assert late.own
    assert early.own
    assert (late.before_any_step, early.before_any_step) == (False, True)
    assert "ended without a word after optimiser step 7: " in late.reason
    assert "ended without a word before its first optimiser step: " in early.reason


@pytest.mark.parametrize("code", [-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, None])
def test_what_was_sent_to_a_trainer_or_is_unknown_is_not_its_own_doing(code: int | None) -> None:
    assert not describe_crash(code, 7, out_of_memory=False).own
    assert not was_killed(code)
