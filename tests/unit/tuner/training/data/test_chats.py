"""Chats in files of any kind, what is wrong with one, and which tokens are the assistant's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from language_models import CHAT_TEMPLATE, MARKED_TEMPLATE, words_tokenizer, write_chats, write_language_model

from tuner.errors import DataError, ModelError
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest, Prepared
from tuner.training.data.chat_template import ChatTemplate, Unclear
from tuner.training.data.encoded import EncodedData
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.json_rows import read_json
from tuner.training.preparation import prepare
from tuner.training.progress import silent
from tuner.training.tasks.causal_lm import TASK

pytestmark = pytest.mark.rest

CHAT = [
    {"role": "user", "content": "w0 w1"},
    {"role": "assistant", "content": "w2"},
    {"role": "user", "content": "w3"},
    {"role": "assistant", "content": "w4 w5"},
]
#: The tokens of the chat: `<s> <pad> w0 w1 </s> <unk> w2 </s> <pad> w3 </s> <unk> w4 w5 </s>`.
IDS = [0, 3, 4, 5, 1, 2, 6, 1, 3, 7, 1, 2, 8, 9, 1]
COUNTS = [0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1]


def prepared(folder: Path, source: Path, template: str | None = CHAT_TEMPLATE, **changes: Any) -> Prepared:
    model = folder / "model"
    if not model.is_dir():
        write_language_model(model, chat_template=template)
    from tuner.trial.run import ModelSource

    data = DataConfig(
        source=str(source), messages="messages", splits={"train": 0.8, "validation": 0.2}, **changes.pop("data", {})
    )
    values: dict[str, Any] = {"max_length": 64, **changes}
    return prepare(
        PreparationRequest(
            task="causal-lm",
            model=ModelSource(location=str(model)),
            data=data,
            source=str(source),
            seed=0,
            metric="loss",
            cache=folder / "cache",
            **values,
        )
    )


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---- which tokens count


@pytest.mark.parametrize("template", [CHAT_TEMPLATE, MARKED_TEMPLATE])
def test_the_tokens_of_all_turns_of_the_assistant_and_their_ends_count(template: str) -> None:
    assert ChatTemplate(words_tokenizer(chat_template=template)).encoded(CHAT) == (IDS, COUNTS)


@pytest.mark.parametrize("chat", [CHAT[1:], [CHAT[0], CHAT[1], CHAT[1]], [CHAT[1]]])
def test_a_chat_that_the_assistant_begins_or_goes_on_with_is_as_with_marks(chat: list[dict[str, str]]) -> None:
    found = [
        ChatTemplate(words_tokenizer(chat_template=each)).encoded(chat) for each in (CHAT_TEMPLATE, MARKED_TEMPLATE)
    ]
    assert found[0] == found[1]


def test_blanks_behind_the_end_of_a_turn_do_not_count() -> None:
    template = CHAT_TEMPLATE.replace("' </s>'", "' </s> w9 '")
    made = ChatTemplate(words_tokenizer(chat_template=template)).encoded(CHAT[:2])
    assert made[1][-2:] == [1, 1], "what is no blank counts"
    made = ChatTemplate(words_tokenizer(chat_template=CHAT_TEMPLATE.replace("' </s>'", "' </s>\\n'"))).encoded(CHAT)
    assert made == (IDS, COUNTS)


def test_a_token_behind_the_last_turn_alone_is_no_part_of_the_turns_before_it() -> None:
    ended = CHAT_TEMPLATE.replace("{% if add_generation_prompt %}", "{% if not add_generation_prompt %}</s>{% else %}")
    assert ChatTemplate(words_tokenizer(chat_template=ended)).encoded(CHAT) == ([*IDS, 1], [*COUNTS, 1])


def test_a_template_that_drops_what_was_said_earlier_is_refused() -> None:
    drops = CHAT_TEMPLATE.replace("each.content +", "(each.content if loop.last else 'w9') +")
    with pytest.raises(Unclear, match=r"drops earlier thinking.*chat_template\.jinja with \{% generation %\} marks"):
        ChatTemplate(words_tokenizer(chat_template=drops)).encoded(CHAT)


def test_what_the_template_says_of_a_chat_is_passed_on() -> None:
    refuses = "{{ raise_exception('roles must take turns') }}"
    with pytest.raises(Unclear, match="the chat template refuses it: roles must take turns"):
        ChatTemplate(words_tokenizer(chat_template=refuses)).encoded(CHAT)


def test_the_day_is_no_part_of_a_chat() -> None:
    dated = "{{ strftime_now('%d %b %Y') }}" + CHAT_TEMPLATE
    (text,) = [ChatTemplate(words_tokenizer(chat_template=dated))._text(CHAT)]
    assert text.startswith("26 Jul 2024<s>")


# ---- rows


def test_lines_records_and_columns_with_chats_are_one_data_set(tmp_path: Path) -> None:
    lines = write_chats(tmp_path / "chats.jsonl", 20)
    rows = rows_of(lines)
    # The key that a row does not have is null in parquet and absent in JSON.
    rows[0]["messages"][0]["name"] = "someone"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "chats.json").write_text(json.dumps({"version": 1, "rows": rows}))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "chats.parquet")
    (tmp_path / "chats.csv").write_text("messages;n\n" + "".join(f"{json.dumps(row['messages'])};1\n" for row in rows))
    made = []
    for name in ("chats.jsonl", "chats.json", "chats.parquet", "chats.csv"):
        data = {"format": {"separator": ";", "quote": "none"}} if name.endswith("csv") else {}
        found = prepared(tmp_path, tmp_path / name, data=data)
        examples = EncodedData.open(found.folder, TASK.examples).train
        made.append((found.sizes, examples._columns["input_ids"].tolist(), examples.loss_terms.tolist()))
    assert all(each == made[0] for each in made)
    assert made[0][0] == {"train": 16, "validation": 4}


@pytest.mark.parametrize(
    ("document", "count"),
    [({"messages": CHAT}, 1), ({"messages": [CHAT, CHAT]}, 2), ([{"messages": CHAT}] * 3, 3)],
    ids=["one object", "a column", "rows"],
)
def test_the_messages_of_one_chat_are_no_rows(document: Any, count: int, tmp_path: Path) -> None:
    file = tmp_path / "chats.jsonl"
    file.write_text(json.dumps(document))
    wanted = Wanted({"messages": ("messages",)})
    found = read_json(file, file.name, wanted, DataConfig(source="chats.jsonl"), silent)["train"].table
    assert [json.loads(chat) for chat in found.column("messages").to_pylist()] == [CHAT] * count


@pytest.mark.parametrize(
    ("chat", "complaint"),
    [
        ([], "has no messages"),
        (None, "has no messages"),
        ("w0 w1", "is no list of messages"),
        ([CHAT], r"has \[\{'role'.* in place of a message, which is an object with role and content"),
        ([{"content": "w0"}], "has a message without a role"),
        ([{"role": "bot", "content": "w0"}], "has the role 'bot'; roles are system, developer, user, assistant, tool"),
        ([{"role": "user", "content": ["w0"]}], "has a message of the role user whose content is no text"),
        ([{"role": "user", "content": "w0"}], "has no message of the assistant, and so nothing to learn"),
    ],
)
def test_a_row_that_is_no_chat_is_named(chat: Any, complaint: str, tmp_path: Path) -> None:
    lines = write_chats(tmp_path / "chats.jsonl", 20)
    rows = rows_of(lines)
    rows[6]["messages"] = rows[8]["messages"] = chat
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, lines)
    assert str(caught.value).startswith("data.messages: chats.jsonl, line 7 (and 1 more: line 9): the chat in column")
    assert caught.match(complaint)


@pytest.mark.parametrize("chat", [{"role": "user", "content": "w0"}, 7])
def test_a_value_that_is_no_list_is_named(chat: Any, tmp_path: Path) -> None:
    lines = tmp_path / "chats.jsonl"
    lines.write_text(f"{json.dumps({'messages': CHAT})}\n{json.dumps({'messages': chat})}\n")
    with pytest.raises(DataError, match=r"data\.messages: chats\.jsonl, line 2: .* a chat is a list of messages"):
        prepared(tmp_path, lines)


def test_a_chat_that_is_not_written_or_cut_before_its_answer_is_named(tmp_path: Path) -> None:
    lines = write_chats(tmp_path / "chats.jsonl", 20)
    rows = rows_of(lines)
    rows[6]["messages"] = [{"role": "system", "content": "w0"}, *CHAT]
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    refuses = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHAT_TEMPLATE
    with pytest.raises(DataError, match=r"chats\.jsonl, line 7: the chat template refuses it: no system"):
        prepared(tmp_path, lines, refuses)
    with pytest.raises(DataError, match=r"max_length: chats\.jsonl, line \d+: keeps 5 tokens.* assistant's turns"):
        prepared(tmp_path, write_chats(tmp_path / "chats.jsonl", 20), max_length=5)


def test_a_tokenizer_without_a_template_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model: .* has no chat template, .* put a chat_template\.jinja into"):
        prepared(tmp_path, write_chats(tmp_path / "chats.jsonl", 20), None)


def test_a_chat_is_shown_as_what_each_one_says() -> None:
    row = {"messages": json.dumps(CHAT[:2])}
    assert TASK.shown(row, DataConfig(source="chats.jsonl", messages="messages")) == "user: w0 w1 / assistant: w2"


def test_another_template_makes_other_data_of_the_same_rows(tmp_path: Path) -> None:
    lines = write_chats(tmp_path / "chats.jsonl", 20)
    found = [
        prepared(tmp_path / each, lines, template) for each, template in (("a", CHAT_TEMPLATE), ("b", MARKED_TEMPLATE))
    ]
    assert found[0].fingerprint == found[1].fingerprint
    assert found[0].tokenizer != found[1].tokenizer


def test_a_study_has_chats_or_prompts() -> None:
    with pytest.raises(ValueError, match="give messages, or prompt and completion"):
        DataConfig(source="chats.jsonl", messages="messages", completion="answer")
