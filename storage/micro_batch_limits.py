"""Limits of the micro-batch size. A trial that ran out of memory stores one, and later trials on any machine use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import tables
from storage.clock import now_s

if TYPE_CHECKING:
    from storage.database import Database

#: Seconds after which a limit is ignored. Another process on the device may have caused it, so it must not stay.
FORGET_S = 30 * 86400.0

_memory = tables.memory.c


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The conditions under which a limit holds: they determine the memory that an example takes and that there is."""

    #: Fingerprint of the weights; `STUDY/FUNCTION` if a function of the study itself trains.
    model: str
    #: Share of the encoder's layers that are frozen to the end of training, between 0 and 1.
    frozen: float
    #: Tokens of the longest example.
    max_length: int
    precision: str
    #: Model and memory of the device, without a name of the machine: equal devices share limits.
    device: str


class MicroBatchLimits:
    """The largest micro-batch size that may fit, by footprint. A limit is only ever lowered, until it expires.

    A size of 0 stands for one example with gradient checkpointing: one alone does not fit.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def fitting(self, footprint: Footprint) -> int | None:
        """Return the largest micro-batch size that may fit; None if no limit is known.

        Freezing more layers lowers the memory that an example takes. So a limit found with the same or a larger share
        of frozen layers applies here, too. A limit found with a smaller share does not.
        """
        query = sa.select(sa.func.min(_memory.micro_batch)).where(
            *_alike(footprint), _memory.frozen >= _thousandths(footprint), _memory.learned > now_s() - FORGET_S
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else int(found)

    def lower(self, footprint: Footprint, micro_batch: int) -> None:
        """Store that at most `micro_batch` examples fit at once. A lower limit that has not expired stays."""
        forgotten = _memory.learned <= now_s() - FORGET_S
        update = (
            tables.memory.update()
            .where(*_alike(footprint), _memory.frozen == _thousandths(footprint))
            .values(
                micro_batch=sa.case(
                    (sa.or_(forgotten, _memory.micro_batch > micro_batch), micro_batch), else_=_memory.micro_batch
                ),
                learned=now_s(),
            )
        )
        insert = tables.memory.insert().values(**_columns(footprint), micro_batch=micro_batch, learned=now_s())
        while True:
            try:
                with self._database.write() as connection:
                    if connection.execute(update).rowcount == 0:
                        connection.execute(insert)
                return
            except sa.exc.IntegrityError:  # another machine has just inserted the same row
                continue


def _columns(footprint: Footprint) -> dict[str, Any]:
    return {
        "model": footprint.model,
        "device": footprint.device,
        "precision": footprint.precision,
        "max_length": footprint.max_length,
        "frozen": _thousandths(footprint),
    }


def _alike(footprint: Footprint) -> list[sa.ColumnElement[bool]]:
    return [_memory[name] == value for name, value in _columns(footprint).items() if name != "frozen"]


def _thousandths(footprint: Footprint) -> int:
    return round(1000 * footprint.frozen)
