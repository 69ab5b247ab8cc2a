"""The table of transitions is whole: no state is out of reach, and every life ends."""

from __future__ import annotations

from pathlib import Path

from tuner.supervisor.attempt_state import TRANSITIONS, AttemptState, diagram, is_allowed

DOCUMENTED = Path(__file__).parents[4] / "docs/explanation/trial-life.md"
ON_A_LANE = [state for state in AttemptState if not state.is_off]


def reached_from(start: AttemptState) -> set[AttemptState]:
    found, new = {start}, [start]
    while new:
        source = new.pop()
        for target in AttemptState:
            if target not in found and is_allowed(source, target):
                found.add(target)
                new.append(target)
    return found


def test_every_state_follows_from_a_claim() -> None:
    assert reached_from(AttemptState.RESTORING) == set(AttemptState)


def test_every_state_on_a_lane_leads_off_it() -> None:
    assert all(any(state.is_off for state in reached_from(source)) for source in ON_A_LANE)


def test_no_state_off_the_lane_leads_anywhere() -> None:
    assert all(reached_from(state) == {state} for state in AttemptState if state.is_off)


def test_a_trial_that_the_database_knows_as_over_can_only_end() -> None:
    assert reached_from(AttemptState.TIDYING) == {AttemptState.TIDYING, AttemptState.ENDED}


def test_each_transition_stands_once() -> None:
    pairs = [(each.source, each.target) for each in TRANSITIONS]
    assert len(pairs) == len(set(pairs))


def test_the_diagram_of_the_documentation_is_this_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in DOCUMENTED.read_text()
