from __future__ import annotations

from multiprocessing import Pipe

from tuner.processes.messages import Progressed
from tuner.processes.progress_sender import INTERVAL_S, ProgressSender


def test_each_stage_is_sent_at_once_and_then_a_few_times_a_second() -> None:
    here, there = Pipe()
    now = [0.0]
    send = ProgressSender(there, clock=lambda: now[0])
    for row in range(1000):
        now[0] = row * INTERVAL_S / 100
        send("reading a.csv", row, 1000)
    send("encoding", 0, 0)
    there.close()
    found = []
    while here.poll():
        try:
            found.append(here.recv())
        except EOFError:
            break
    assert found[-1] == Progressed(stage="encoding", done=0, total=0)
    assert [each.done for each in found[:-1]] == list(range(0, 1000, 100))
