"""Joins several calls of Optuna's into one transaction. Each would commit by itself, which is most of a call's time.

Optuna offers no hook for that, so the session class of its storage, which is SQLAlchemy's, is replaced.
`tests/contracts/test_transactions.py` checks the parts of Optuna's sessions that this relies on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

if TYPE_CHECKING:
    import optuna
    from sqlalchemy.orm import Session
else:
    Session = object  # commands that only read do not import sqlalchemy.orm; Optuna does


class _JoiningSession(Session):
    """A session that can ignore commit, rollback and close until `joined` ends. Used by one thread, as Optuna's are."""

    #: Whether it ignores them now.
    joins = False
    #: An IntegrityError that a call rolled back after: another program has written the same row. Optuna may catch this
    #: error and go on, so `joined` raises it at the end.
    refused: sa.exc.IntegrityError | None = None

    def commit(self) -> None:
        if self.joins:
            self.flush()
        else:
            super().commit()

    def rollback(self) -> None:
        if not self.joins:
            super().rollback()
        elif isinstance(error := sys.exception(), sa.exc.IntegrityError):
            self.refused = error

    def close(self) -> None:
        if self.joins:
            self.expunge_all()  # the next call reads its objects from the database again
        else:
            super().close()


def attach(storage: optuna.storages.RDBStorage) -> None:
    """Replace the session class of a storage, so that `joined` works. Call this before adding session listeners."""
    factory = storage.scoped_session.session_factory
    factory.class_ = type(factory.class_.__name__, (_JoiningSession, factory.class_), {})
    storage.remove_session()  # drop this thread's session, which still has the old class


@contextmanager
def joined(storage: optuna.storages.RDBStorage) -> Iterator[None]:
    """Run all of this thread's calls of a storage in one transaction, committed at the end or not at all.

    If the caller catches an error of one of Optuna's calls within the block, the writes of the other calls stay.

    Raises:
        sa.exc.SQLAlchemyError: The transaction could not be committed.
    """
    session = cast(_JoiningSession, storage.scoped_session())
    session.joins, session.refused = True, None
    try:
        yield
        session.joins = False
        if session.refused is not None:
            raise session.refused
        session.commit()
    except sa.exc.IntegrityError as error:
        # A PendingRollbackError counts as an outage: the caller repeats the block, which then finds the row.
        raise sa.exc.PendingRollbackError("another program has just written the same") from error
    finally:
        session.joins = False
        session.close()  # rolls back if the commit did not happen
