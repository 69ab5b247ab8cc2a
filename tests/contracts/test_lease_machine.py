"""Leases, fences and checkpoints against a model that knows no database: any order of claims, thefts, losses and ends.

Three supervisors share a study. Each may be slow, dead or robbed at any moment, and goes on using every lease it ever
had; what it does then must have no effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import optuna
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from storing import LEASE_S, create_study, expire, optuna_study

from storage import CheckpointRef, Checkpoints, Database, Events, History, Lease, LeaseLost, Slots, fenced

pytestmark = pytest.mark.rest

OWNERS = st.sampled_from(["ann", "ben", "cid"])
TrialState = optuna.trial.TrialState
LEASES = Bundle("leases")


@dataclass
class Place:
    """What a slot must look like."""

    state: str = "empty"
    lease: Lease | None = None
    attempt: int = 0
    expired: bool = False
    trial: int | None = None
    crashes: int = 0
    progress: bool = False
    #: Key of the last committed checkpoint, and by step the reported values.
    pointer: str | None = None
    reports: dict[int, float] = field(default_factory=dict)
    ended: str | None = None

    @property
    def is_free(self) -> bool:
        return self.state in ("interrupted", "paused") or (self.state == "running" and self.expired)


class Leases(RuleBasedStateMachine):
    """Any order of what supervisors do."""

    database: ClassVar[Database]
    number: ClassVar[int] = 0

    @initialize(trials=st.integers(1, 4))
    def begin(self, trials: int) -> None:
        type(self).number += 1
        self.name = f"study-{self.number}"
        self.record = create_study(self.database, self.name, trials=trials)
        self.slots = Slots(self.database, self.record.id)
        self.study = optuna_study(self.database, self.name)
        self.places = {slot: Place() for slot in range(trials)}
        self.trials = 0
        self.ids: dict[int, int] = {}

    def holds(self, lease: Lease) -> bool:
        place = self.places.get(lease.slot)
        return place is not None and place.lease == lease

    # ---- claims and what ends them ----

    @rule(target=LEASES, owner=OWNERS, dies=st.booleans())
    def claim(self, owner: str, dies: bool) -> Any:
        """Claim; ask where there is no trial, unless the supervisor dies in between."""
        free = [slot for slot, place in sorted(self.places.items()) if place.is_free]
        free += [slot for slot, place in sorted(self.places.items()) if place.state == "empty"]
        claimed = self.slots.claim(owner, LEASE_S)
        if not free:
            assert claimed is None
            return multiple()
        assert claimed is not None
        lease, slot = claimed
        place = self.places[free[0]]
        if place.state == "running" and place.trial is not None:
            place.crashes += not place.progress
            place.progress = False
        place.state, place.expired, place.attempt = "running", False, place.attempt + 1
        place.lease = Lease(study_id=self.record.id, slot=free[0], owner=owner, attempt=place.attempt)
        assert lease == place.lease
        assert slot.trial_number == place.trial
        if place.trial is None and not dies:
            with fenced(lease, asking=True):
                trial = self.study.ask()
            with fenced(lease):
                trial.suggest_float("x", 0, 1)
            place.trial, self.ids[self.trials] = self.trials, trial._trial_id
            self.trials += 1
            assert trial.number == place.trial
        return lease

    @rule(owner=OWNERS)
    def claim_nothing_new(self, owner: str) -> None:
        """Claim what was begun, and give it back."""
        free = [slot for slot, place in sorted(self.places.items()) if place.is_free]
        claimed = self.slots.claim(owner, LEASE_S, empty=False)
        assert (claimed is None) == (not free)
        if claimed is None:
            return
        place = self.places[free[0]]
        if place.state == "running" and place.trial is not None:
            place.crashes += not place.progress
            place.progress = False
        place.attempt += 1
        place.state, place.lease, place.expired = "interrupted" if place.trial is not None else "empty", None, False
        assert self.slots.release(claimed[0], state="interrupted", reason="not now")

    @rule(lease=LEASES)
    def renew(self, lease: Lease) -> None:
        holds = self.holds(lease)
        assert self.slots.renew({lease}, LEASE_S) == ({lease} if holds else set())
        if holds:
            self.places[lease.slot].expired = False

    @rule(lease=LEASES)
    def time_passes(self, lease: Lease) -> None:
        """Its owner, perhaps dead, shows no sign of life for longer than the lease."""
        if self.places.get(lease.slot, Place()).state != "running":
            return
        expire(self.database, study_id=self.record.id, slot=lease.slot)
        self.places[lease.slot].expired = True

    @rule(lease=LEASES, state=st.sampled_from(["interrupted", "paused"]), crashed=st.booleans())
    def release(self, lease: Lease, state: str, crashed: bool) -> None:
        assert self.slots.release(lease, state=state, reason="again", crashed=crashed) == self.holds(lease)
        if self.holds(lease):
            place = self.places[lease.slot]
            place.state, place.lease, place.expired = "empty" if place.trial is None else state, None, False
            if crashed:
                place.crashes += not place.progress
                place.progress = False

    # ---- what is written under a lease ----

    @rule(lease=LEASES, step=st.integers(1, 40))
    def commit(self, lease: Lease, step: int) -> None:
        if self.places.get(lease.slot, Place()).trial is None:
            return
        key = f"trial-{self.places[lease.slot].trial:05d}/attempt-{lease.attempt}/step-{step:08d}"
        reference = CheckpointRef(key=key, sha256="a" * 64, bytes=1, optimiser_steps=step)
        kept = self.slots.commit(lease, Checkpoints(resume=(reference,)), optimiser_steps=step, detail=key)
        assert kept == self.holds(lease)
        if kept:
            self.places[lease.slot].pointer, self.places[lease.slot].progress = key, True

    @rule(lease=LEASES, step=st.integers(1, 10), value=st.floats(0, 1, width=16))
    def report(self, lease: Lease, step: int, value: float) -> None:
        if self.places.get(lease.slot, Place()).trial is None:
            return
        place = self.places[lease.slot]
        assert place.trial is not None
        trial_id, holds = self.ids[place.trial], self.holds(lease)
        if place.ended is None or holds:
            try:
                with fenced(lease, kind="report", values={"step": step, "value": value}):
                    self.study._storage.set_trial_intermediate_value(trial_id, step, value)
            except LeaseLost:
                assert not holds
            else:
                assert holds
                place.reports[step] = value

    @rule(lease=LEASES, state=st.sampled_from(["COMPLETE", "PRUNED", "FAIL"]))
    def tell(self, lease: Lease, state: str) -> None:
        if self.places.get(lease.slot, Place()).trial is None:
            return
        place = self.places[lease.slot]
        assert place.trial is not None
        value = 0.5 if state == "COMPLETE" else None
        holds = self.holds(lease)
        try:
            with fenced(lease, ending=True, values={"value": value, "detail": state}):
                self.study.tell(place.trial, value, state=TrialState[state], skip_if_finished=True)
        except LeaseLost:
            assert not holds
        else:
            # Of a trial that Optuna remembers as ended it asks nobody, and writes nothing.
            assert holds or place.ended is not None
            if holds:
                place.state, place.lease, place.expired, place.ended = "finished", None, False, state

    # ---- the budget ----

    @rule(total=st.integers(0, 6))
    def change_the_budget(self, total: int) -> None:
        with self.database.write() as connection:
            self.slots.resize(total, connection)
        for slot in range(total):
            if len(self.places) < total and slot not in self.places:
                self.places[slot] = Place()
        for slot in sorted(self.places, reverse=True):
            if len(self.places) > total and self.places[slot].state == "empty":
                del self.places[slot]

    # ---- what must be true at every moment ----

    @invariant()
    def the_slots_are_as_the_model_says(self) -> None:
        found = {
            slot.slot: (slot.state, slot.owner, slot.attempt, slot.held, slot.trial_number, slot.crashes)
            for slot in self.slots.all()
        }
        assert found == {
            number: (
                place.state,
                place.lease.owner if place.lease else None,
                place.attempt,
                place.state == "running" and not place.expired,
                place.trial,
                place.crashes,
            )
            for number, place in self.places.items()
        }

    @invariant()
    def the_pointer_is_the_last_one_that_was_committed(self) -> None:
        for slot in self.slots.all():
            keys = slot.checkpoints.keys
            assert keys == ((self.places[slot.slot].pointer,) if self.places[slot.slot].pointer else ())

    def teardown(self) -> None:
        """Look at what Optuna and the log say in the end."""
        events = Events(self.database, self.record.id).all()
        begun = {place.trial: place for place in self.places.values() if place.trial is not None}
        history = {trial.number: trial for trial in History(self.database, self.record).trials()}
        assert set(history) == set(begun) == set(range(self.trials))
        for number, place in begun.items():
            assert dict(history[number].steps) == place.reports
            ends = [event for event in events if event.kind == "end" and event.trial == number]
            assert [event.detail for event in ends] == ([place.ended] if place.ended else [])
            names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
            assert (history[number].state in names.values()) == (place.ended is not None)
            if place.ended:
                assert history[number].state == names[place.ended]


def test_whatever_supervisors_do_in_whatever_order_each_trial_has_one_holder_one_curve_and_one_end(
    database: Database,
) -> None:
    machine = type("OneDatabase", (Leases,), {"database": database})
    # The machine is one and searched on SQLite; of the others it has to be seen that they play by the same rules.
    examples = {"sqlite": 60, "postgresql": 30, "mysql": 20}[database.engine.name]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
