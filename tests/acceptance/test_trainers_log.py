"""Where what trainers print can be read."""

from __future__ import annotations

from acceptance_support import Tuner

SAYING = """
import toy_training

def train(run):
    print("said by", run.number, flush=True)
    yield from toy_training.train(run)
"""


def test_what_trainers_print_goes_to_their_log_or_is_shown_at_once(tuner: Tuner) -> None:
    (tuner.folder / "saying.py").write_text(SAYING, encoding="utf-8")
    study = tuner.toy_study("said", train="saying:train", budget={"trials": 1})
    quiet = tuner.ok("start", study)
    log = tuner.folder / "tuner-checkpoints" / "said" / "trainers.log"
    assert "said by 0" in log.read_text(encoding="utf-8")
    assert "said by" not in quiet.stdout + quiet.stderr
    loud = tuner.ok("start", study, "--trials", "2", "--debug")
    assert "said by 1" in loud.stdout + loud.stderr
