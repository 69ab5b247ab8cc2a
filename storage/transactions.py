"""Several calls of Optuna's in one transaction: each would commit by itself, and most of what a call takes is that.

Optuna has no place for that; its sessions do, which are SQLAlchemy's. `tests/contracts/test_transactions.py` holds us
to what is used of them.
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
    Session = object  # which Optuna imports; readers do without


class _JoiningSession(Session):
    """A session that can put off its commit, its rollback and its end. Of one thread, as all of Optuna's are."""

    #: Whether it does so now.
    joins = False
    #: That another program has written a row meanwhile: Optuna may go on as if nothing were amiss.
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
            self.expunge_all()  # what the next call reads is read anew
        else:
            super().close()


def attach(storage: optuna.storages.RDBStorage) -> None:
    """Let the calls of a storage be joined; before anything listens to its sessions."""
    factory = storage.scoped_session.session_factory
    factory.class_ = type(factory.class_.__name__, (_JoiningSession, factory.class_), {})
    storage.remove_session()  # so that the one of its constructor does not stay in use


@contextmanager
def joined(storage: optuna.storages.RDBStorage) -> Iterator[None]:
    """Have whatever this thread does with a storage be one transaction, which is committed at the end or not at all.

    An error of Optuna's that is caught within leaves what other calls have written.

    Raises:
        sa.exc.SQLAlchemyError: It could not be committed.
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
        # All of it can be tried again, and then finds the row.
        raise sa.exc.PendingRollbackError("another program has just written the same") from error
    finally:
        session.joins = False
        session.close()  # which rolls back what is not committed
