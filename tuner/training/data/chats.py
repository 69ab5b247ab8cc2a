"""Chats: lists of messages, as a study's rows hold them, and what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from tuner.training.data.files.places import ROW, RowProblem
from tuner.training.data.files.values import shown

if TYPE_CHECKING:
    from datasets import Dataset

#: A message: `role`, `content`, and whatever else the chat template reads. Keys without a value are left out.
Message: TypeAlias = dict[str, Any]

#: The role whose messages are learnt.
ASSISTANT = "assistant"
#: Rows that are checked at a time.
_BATCH = 10_000
ROLES = ("system", "developer", "user", ASSISTANT, "tool")


def messages_of(written: str) -> list[Message]:
    """Return the messages of a chat in which `fault_of` finds no fault."""
    return [{key: value for key, value in each.items() if value is not None} for each in json.loads(written)]


def fault_of(written: str, *, is_learnt: bool = True) -> str | None:
    """Return what is wrong with a chat, as the end of a sentence on it; None for nothing.

    Args:
        written: The chat as JSON, as the readers of files keep it.
        is_learnt: Whether the assistant has to say something in it.
    """
    try:
        chat = json.loads(written)
    except (ValueError, RecursionError):
        return "is no list of messages"
    if not isinstance(chat, list):
        return "is no list of messages"
    if not chat:
        return "has no messages"
    if fault := next(filter(None, map(_fault_of_message, chat)), None):
        return fault
    has_turn = any(each["role"] == ASSISTANT for each in chat)
    return "has no message of the assistant, and so nothing to learn" if is_learnt and not has_turn else None


def check_chats(splits: Iterable[Dataset], column: str, *, is_learnt: bool = True) -> None:
    """Check the chats of all rows.

    Args:
        splits: The rows, with their numbers.
        column: The column of the chats.
        is_learnt: As `fault_of` takes it.

    Raises:
        RowProblem: A row is no chat; it names the rows with the first fault that is found.
    """
    found: dict[str, list[int]] = {}
    for rows in splits:
        for batch in rows.select_columns([column, ROW]).iter(_BATCH):
            for number, written in zip(batch[ROW], batch[column], strict=True):
                fault = "has no messages" if written is None else fault_of(written, is_learnt=is_learnt)
                if fault is not None:
                    found.setdefault(fault, []).append(number)
    for fault, numbers in found.items():
        raise RowProblem("data.messages", f"the chat in column {column!r} {fault}", numbers)


def _fault_of_message(message: object) -> str | None:
    if not isinstance(message, dict):
        return f"has {shown(message)} in place of a message, which is an object with role and content"
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str):
        return "has a message without a role"
    if role not in ROLES:
        return f"has the role {shown(role)}; roles are {', '.join(ROLES)}"
    if not isinstance(content, str):
        return f"has a message of the role {role} whose content is no text"
    return None
