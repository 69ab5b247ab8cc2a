"""Chats as tokens, written by the tokenizer's chat template, and which of them are the assistant's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tuner.errors import ModelError, first_line
from tuner.training.data.chats import ASSISTANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuner.training.data.chats import Message

#: The mark around the assistant's tokens in a template that has it.
_MARK = re.compile(r"\{%-?\s*generation\s*-?%\}")
#: Put in front of a template: some write the present date into each chat, which would be other tokens tomorrow.
_ONE_DAY = (
    "{%- macro strftime_now(format) -%}{%- if '%Y-%m-%d' in format -%}2024-07-26{%- else -%}26 Jul 2024{%- endif -%}"
    "{%- endmacro -%}"
)


class Unclear(Exception):
    """A chat of which the template does not tell the assistant's tokens. The text says why."""


class ChatTemplate:
    """The chat template of a tokenizer.

    The assistant's turns are those between the template's marks. A template without them is asked for the beginnings of
    a chat: what it adds for a turn is the turn, from behind the words that ask the assistant for it to the token that
    ends it.

    Args:
        processor: The tokenizer.

    Raises:
        ModelError: The tokenizer has no chat template, or does not tell where in a text a token is.
    """

    def __init__(self, processor: Any) -> None:
        where = processor.name_or_path
        try:
            template = processor.get_chat_template()
        except ValueError as error:  # it has none, or several and no default
            raise ModelError("", "model", _without_template(where)) from error
        if not processor.is_fast:
            raise ModelError("", "model", f"the tokenizer of {where} has no fast form, which tells where a token is")
        self._processor = processor
        self._template = _ONE_DAY + template if "strftime_now" in template else template
        self._is_marked = _MARK.search(template) is not None
        added = {str(token) for token in processor.added_tokens_decoder.values() if token.special}
        self._special = tuple(sorted({*processor.all_special_tokens, *added}))

    def encoded(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        """Return the tokens of a chat, and 1 for each that the assistant writes, else 0.

        Raises:
            Unclear: The template refuses the chat, or does not tell which tokens are the assistant's.
        """
        if self._is_marked:
            made = self._rendered(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
            if not any(made["assistant_masks"]):
                raise Unclear("the chat template marks no token of this chat as the assistant's")
            return made["input_ids"], made["assistant_masks"]
        whole = self._text(messages)
        spans = self._spans(messages, whole)
        made = self._processor(whole, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        places = made["offset_mapping"]
        counts = [int(any(end > first and start < last for first, last in spans)) for start, end in places]
        return made["input_ids"], counts

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens with which a chat asks the assistant for its next turn, or for its last one again.

        Raises:
            Unclear: The template refuses the chat.
        """
        asked = list(messages[:-1] if messages[-1]["role"] == ASSISTANT else messages)
        ids: list[int] = self._processor(self._before([*asked, messages[-1]], len(asked)), add_special_tokens=False)[
            "input_ids"
        ]
        return ids

    def ends(self) -> set[int]:
        """Return the special token that ends a turn of the assistant; nothing where there is none."""
        try:
            ids, counts = self.encoded([{"role": "user", "content": "0"}, {"role": ASSISTANT, "content": "1"}])
        except Unclear:
            return set()
        last = next(token for token, is_counted in zip(reversed(ids), reversed(counts), strict=True) if is_counted)
        return {last} & set(self._processor.all_special_ids)

    def _spans(self, messages: Sequence[Message], whole: str) -> list[tuple[int, int]]:
        """Return where in a chat's text each turn of the assistant begins and ends."""
        spans = []
        for number, message in enumerate(messages):
            if message["role"] != ASSISTANT:
                continue
            before, through = self._before(messages, number), self._text(messages[: number + 1])
            if not whole.startswith(through):  # some end a text with a token that is in no text twice
                through = through.removesuffix(self._processor.eos_token or "")
            if not (whole.startswith(through) and through.startswith(before)):
                raise Unclear(
                    "the chat template writes the beginning of this chat otherwise than the whole chat, as one does "
                    "that drops earlier thinking, so that the assistant's tokens are not known; "
                    "give the model's folder a chat_template.jinja with {% generation %} marks"
                )
            kept = through.rstrip()
            # Blanks behind the token that ends a turn are never written by the assistant.
            spans.append((len(before), len(kept) if kept.endswith(self._special) else len(through)))
        return spans

    def _before(self, messages: Sequence[Message], number: int) -> str:
        """Return the text in front of a turn of the assistant, with the words that ask it for the turn."""
        if number > 0:
            return self._text(messages[:number], add_generation_prompt=True)
        one, other = (self._text([{"role": ASSISTANT, "content": content}]) for content in "01")
        differ = (place for place, (here, there) in enumerate(zip(one, other, strict=False)) if here != there)
        return one[: next(differ, len(one))]

    def _text(self, messages: Sequence[Message], **more: Any) -> str:
        written: str = self._rendered(messages, tokenize=False, **more)
        return written

    def _rendered(self, messages: Sequence[Message], **more: Any) -> Any:
        try:
            return self._processor.apply_chat_template(list(messages), chat_template=self._template, **more)
        except Exception as error:  # the template is a program of the model's authors and may raise anything
            raise Unclear(f"the chat template refuses it: {first_line(error)}") from error


def _without_template(where: str) -> str:
    return (
        f"the tokenizer of {where} has no chat template, which data.messages needs; "
        "name a model for chats, or put a chat_template.jinja into the model's folder"
    )
