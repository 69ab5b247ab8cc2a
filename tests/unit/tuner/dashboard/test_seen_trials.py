from __future__ import annotations

from collections import Counter
from typing import Any

import optuna
import pytest
from optuna_dashboard._inmemory_cache import _CachedExtraStudyProperty, get_cached_extra_study_property

from tuner.dashboard.seen_trials import SeenStudies, SeenTrials


def told(found: Any) -> tuple[Any, ...]:
    spaces = (found.intersection_search_space, found.union_search_space)
    return (*spaces, sorted(found.union_user_attrs), found.has_intermediate_values)


def test_what_is_kept_is_what_all_trials_tell_and_a_finished_trial_is_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: Counter[int] = Counter()
    original = _CachedExtraStudyProperty._update_search_space

    def counted(self: Any, trial: Any) -> None:
        read[trial.number] += 1
        original(self, trial)

    monkeypatch.setattr(_CachedExtraStudyProperty, "_update_search_space", counted)
    study = optuna.create_study()
    seen, taken = SeenTrials(), Counter[int]()
    running = study.ask()
    for number in range(4):
        trial = study.ask()
        trial.suggest_float("lr", 0.1, 1.0)
        if number % 2:
            trial.suggest_int("n", 1, 9 + number)
            trial.set_user_attr("note", number if number == 1 else "text")
        trial.report(0.5, 1)
        if number == 3:
            running.suggest_float("lr", 0.1, 2.0)
            study.tell(running, 1.0)
        study.tell(trial, 0.5)
        before = read.copy()
        seen.update(study.trials)
        taken += read - before
        expected = _CachedExtraStudyProperty()
        expected.update(study.trials)
        assert told(seen) == told(expected)
    assert {number: taken[number] for number in (1, 2, 3, 4)} == dict.fromkeys((1, 2, 3, 4), 1)
    assert taken[0] > 1, "a running trial is read again"


def test_optuna_dashboard_takes_it_for_its_own_cache() -> None:
    from optuna_dashboard._inmemory_cache import InMemoryCache

    cache = InMemoryCache()
    cache._cached_extra_study_property_cache = SeenStudies()
    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_float("lr", 0.1, 1.0), n_trials=2)
    space, *_ = get_cached_extra_study_property(cache, 7, study.trials)
    assert [name for name, _ in space] == ["lr"]
    assert isinstance(cache._cached_extra_study_property_cache[7], SeenTrials)
