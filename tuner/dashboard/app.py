"""The database behind the dashboard: opened once it answers, and opened anew after a study was deleted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import Database, DatabaseMissing, StorageError, describe_outage, mask_password
from storage.belonging import study_identities
from tuner.errors import first_line

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class Away(Exception):
    """The studies cannot be shown now. The message says why, in one line."""


class NotYet(Away):
    """There was no study yet since the dashboard has started."""


class Source:
    """A database, and the optuna-dashboard application on it. Safe to share between threads, not between processes.

    optuna-dashboard caches finished trials by their ids, and SQLite gives the ids of a deleted study to the next study.
    So the application is replaced by a new one whenever a study has been deleted.

    Args:
        url: The database.
        writes: Whether the dashboard may write. Otherwise the database connection itself is read-only.
        artifacts: The folder of Optuna's artifacts; None shows no artifacts.
    """

    def __init__(self, url: str, *, writes: bool, artifacts: Path | None) -> None:
        self._url = url
        self._writes = writes
        self._artifacts = artifacts
        self._lock = threading.Lock()
        self._database: Database | None = None
        self._application: WSGIApplication | None = None
        self._shown: frozenset[tuple[int, str, float | None]] = frozenset()

    def is_there(self) -> bool:
        """Return whether the database answers. One that holds no study yet counts as answering."""
        try:
            self.open()
        except Away as error:
            return isinstance(error, NotYet)
        return True

    def open(self) -> tuple[Database, WSGIApplication]:
        """Return the database, after it has answered, and the optuna-dashboard application on it.

        Raises:
            Away: The database does not answer, or has no tables yet.
        """
        try:
            if self._database is None or self._application is None:
                with self._lock:
                    return self._opened()
            self._refuse_lost_file(self._database)
            studies = study_identities(self._database)
            with self._lock:
                if not self._shown <= studies:
                    self._application = None
                    return self._opened()
                self._shown = studies
                return self._database, self._application
        except (StorageError, sa.exc.SQLAlchemyError, OSError) as error:
            kind = NotYet if isinstance(error, DatabaseMissing) and self._database is None else Away
            raise kind(_why(error)) from error

    @property
    def is_empty(self) -> bool:
        """Whether the database had no study when it was opened last."""
        return not self._shown

    def _opened(self) -> tuple[Database, WSGIApplication]:
        if self._database is None:
            database = Database(self._url, of_optuna=True)
            try:
                _ = database.optuna_storage if self._writes else database.optuna_reader
            except BaseException:
                database.close()
                raise
            self._database = database
        if self._application is None:
            self._shown = study_identities(self._database)
            self._application = self._new_application(self._database)
        return self._database, self._application

    def _new_application(self, database: Database) -> Any:
        import optuna_dashboard
        from optuna.artifacts import FileSystemArtifactStore

        from tuner.dashboard.overviews import Overviews
        from tuner.dashboard.seen_trials import SeenStudies
        from tuner.dashboard.shown_storage import ShownStorage
        from tuner.dashboard.study_page import StudyPage

        # It has Optuna's cache of finished trials. Without that, each view of a study of thousands of trials takes
        # seconds.
        storage = ShownStorage(database, writes=self._writes)
        artifacts = None if self._artifacts is None else FileSystemArtifactStore(self._artifacts)
        application = optuna_dashboard.wsgi(storage, artifact_store=artifacts)
        page = StudyPage(database, storage, Overviews(database), writes=self._writes, files=artifacts is not None)
        application.install(page)
        application._inmemory_cache._cached_extra_study_property_cache = SeenStudies()
        return application

    @staticmethod
    def _refuse_lost_file(database: Database) -> None:
        # SQLite would create an empty file in its place.
        if database.path is not None and not database.path.exists():
            raise DatabaseMissing(f"there is no database {database.path}")


def _why(error: Exception) -> str:
    if isinstance(error, DatabaseMissing):
        return mask_password(str(error))
    if outage := describe_outage(error):
        return f"the database does not answer: {mask_password(outage)}"
    known = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
    return f"the database cannot be read: {mask_password(first_line(known))}"
