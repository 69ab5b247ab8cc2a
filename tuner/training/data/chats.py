"""Chats: lists of messages, as a study's rows hold them, and what is wrong with one."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from tuner.training.data.files.values import shown

#: A message: `role`, `content`, and whatever else the chat template reads. Keys without a value are left out.
Message: TypeAlias = dict[str, Any]

#: The role whose messages are learnt.
ASSISTANT = "assistant"
ROLES = ("system", "developer", "user", ASSISTANT, "tool")


def messages_of(written: str) -> list[Message]:
    """Return the messages of a chat in which `fault_of` finds no fault."""
    return [{key: value for key, value in each.items() if value is not None} for each in json.loads(written)]


def fault_of(written: str) -> str | None:
    """Return what is wrong with a chat, as the end of a sentence on it; None for nothing.

    Args:
        written: The chat as JSON, as the readers of files keep it.
    """
    try:
        chat = json.loads(written)
    except (ValueError, RecursionError):
        return "is no list of messages"
    if not isinstance(chat, list):
        return "is no list of messages"
    if not chat:
        return "has no messages"
    return next(filter(None, map(_fault_of_message, chat)), None) or _fault_of_whole(chat)


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


def _fault_of_whole(chat: list[Message]) -> str | None:
    has_turn = any(each["role"] == ASSISTANT for each in chat)
    return None if has_turn else "has no message of the assistant, and so nothing to learn"
