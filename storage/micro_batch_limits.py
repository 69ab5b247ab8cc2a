"""What fits in memory: learned by trials that ran out of it, for those that follow on any machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import tables
from storage.clock import now_s

if TYPE_CHECKING:
    from storage.database import Database

#: Seconds after which a lesson is forgotten: what a neighbour on the device has caused is not held against it for ever.
FORGET_S = 30 * 86400.0

_memory = tables.memory.c


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What decides how much memory an example takes, and how much there is."""

    #: Fingerprint of the weights, or what stands for it.
    model: str
    #: Share of the encoder's layers that are never trained.
    frozen: float
    #: Tokens of the longest example.
    max_length: int
    precision: str
    #: Kind and memory of the device, the same for all machines with such a one.
    device: str


class MicroBatchLimits:
    """How many examples fit at once, by footprint. It only ever goes down."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fitting(self, footprint: Footprint) -> int | None:
        """Return the most examples that may fit at once; None where nothing is known.

        The more layers are frozen, the less an example takes: what did not fit with more of them frozen does not fit
        here either, and what did not fit with fewer says nothing.
        """
        query = sa.select(sa.func.min(_memory.micro_batch)).where(
            *_alike(footprint), _memory.frozen >= _thousandths(footprint), _memory.learned > now_s() - FORGET_S
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else int(found)

    def lower(self, footprint: Footprint, micro_batch: int) -> None:
        """Remember that at most so many examples fit at once."""
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
            except sa.exc.IntegrityError:  # another machine has learned it at the same moment
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
