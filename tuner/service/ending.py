"""What a study asks for once it is over: its leaders are confirmed, and its test split is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import Database, History, PlanPart, Plans, Studies, StudyState
from tuner.reporting.confirmation import price_words
from tuner.reporting.events import Notice
from tuner.service.confirm import begun, confirm, price
from tuner.service.opening import open_test
from tuner.service.over import is_over
from tuner.study.study_file import stored_config
from tuner.study.verdict import Verdict

if TYPE_CHECKING:
    from tuner.reporting.events import Watcher
    from tuner.service.run import Machine
    from tuner.study.overrides import MachineOverrides


def complete(name: str, url: str, machine: Machine, watch: Watcher, overrides: MachineOverrides) -> None:
    """Do what a study asks for once it is over, unless that is done; a study that is not over is left alone."""
    with Database(url) as database:
        study = Studies(database).find(name)
        if study is None or study.state == StudyState.STOPPED:
            return
        config = stored_config(study, database)
        if (config.confirm is None and config.test != "at_end") or not is_over(database, study, config):
            return
        if History(database, study).best() is None:
            return
        if config.confirm is not None:
            found = price(database, study, top=config.confirm.top, seeds=config.confirm.seeds)
            if begun(database, study, found) is None:
                watch(Notice(text=price_words(found.leaders, found.seeds, found.runs)))
            confirm(database, study, machine, watch, found, overrides=overrides)
        if config.test == "at_end" and Verdict.parse(Plans(database, study.id, PlanPart.TEST).content()) is None:
            open_test(database, study, machine, watch, overrides=overrides)
