"""Parts and rebuild are inverses; order is discovery order; text never shows."""

from __future__ import annotations

import pickle
from itertools import starmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.parts import Form, PatientText, RedactedText
from proxy.exchange import Caller, CallerKind, Conversation, Message, Role, Tool, ToolCall, parts_of, rebuild

P = PatientText
texts = st.text(max_size=20).map(PatientText)
names = st.sampled_from(["lookup", "save_note"])
calls = st.lists(st.builds(ToolCall, name=names, arguments=texts), max_size=2).map(tuple)
messages = st.builds(
    Message, role=st.sampled_from(list(Role)), content=texts, reasoning=st.none() | texts, tool_calls=calls
)
conversations = st.builds(
    Conversation,
    messages=st.lists(messages, min_size=1, max_size=4).map(tuple),
    tools=st.lists(st.builds(Tool, name=names, description=texts, parameters=texts), max_size=2).map(tuple),
    stop=st.lists(texts, max_size=2).map(tuple),
    schema=st.none() | texts,
)


@given(conversations)
def test_rebuild_puts_every_text_where_it_was(conversation: Conversation[PatientText]) -> None:
    parts = parts_of(conversation)
    assert [p.index for p in parts] == list(range(len(parts)))
    rebuilt = rebuild(conversation, [RedactedText(p.text.reveal()) for p in parts])
    assert [p.content.reveal() for p in rebuilt.messages] == [m.content.reveal() for m in conversation.messages]
    assert [list(map(len, m.texts())) for m in rebuilt.messages] == [
        list(map(len, m.texts())) for m in conversation.messages
    ]
    assert len(rebuilt.tools) == len(conversation.tools)


@given(conversations, messages)
def test_a_new_message_comes_after_everything_known(
    conversation: Conversation[PatientText], message: Message[PatientText]
) -> None:
    longer = Conversation((*conversation.messages, message), conversation.tools, conversation.stop, conversation.schema)
    before = parts_of(conversation)
    assert parts_of(longer)[: len(before)] == before


@given(conversations)
def test_too_many_or_too_few_texts_are_an_error(conversation: Conversation[PatientText]) -> None:
    redacted = [RedactedText(p.text.reveal()) for p in parts_of(conversation)]
    with pytest.raises(ValueError, match="more texts"):
        rebuild(conversation, [*redacted, RedactedText("x")])
    with pytest.raises((StopIteration, RuntimeError)):
        rebuild(conversation, redacted[:-1])


def test_a_changed_structural_name_is_an_error() -> None:
    conversation = Conversation((Message(Role.USER, P("hi")),), (Tool("lookup", P(""), P("{}")),))
    redacted = [RedactedText(p.text.reveal()) for p in parts_of(conversation)]
    redacted[0] = RedactedText("[NAME_1]")
    with pytest.raises(ValueError, match="structural name"):
        rebuild(conversation, redacted)


def test_forms_say_how_to_read() -> None:
    conversation = Conversation(
        (Message(Role.ASSISTANT, P(""), tool_calls=(ToolCall("lookup", P('{"a": 1}')),)),),
        (Tool("lookup", P("look up"), P("{}")),),
        (P("STOP"),),
        P('{"type": "object"}'),
    )
    forms = [(p.role, p.form) for p in parts_of(conversation)]
    assert forms == [
        ("tools", Form.NAME), ("tools", Form.TEXT), ("tools", Form.SCHEMA), ("tools", Form.SCHEMA), ("stop", Form.TEXT),
        ("assistant", Form.TEXT), ("assistant", Form.NAME), ("assistant", Form.JSON),
    ]  # fmt: skip


def test_patient_text_shows_a_length_only() -> None:
    text = P("Ana Pereira")
    assert "Ana" not in f"{text} {text!r} {text!s} {[text]} {text:>30}"
    assert text != "Ana Pereira"
    assert text == P("Ana Pereira")
    assert text != RedactedText("Ana Pereira")
    assert hash(text) == hash(P("Ana Pereira"))
    assert len(text) == 11
    assert not P("")
    with pytest.raises(TypeError):
        pickle.dumps(text)
    assert "Ana" not in repr(Message(Role.USER, text))


def test_a_caller_has_one_name_everywhere() -> None:
    kinds = (("", "uid:1000"), ("93719bf5bdc7b928", "uid:1000/93719bf5bdc7b928"))
    made = starmap(lambda kid, name: (Caller(1000, CallerKind.TOKEN, kid, "x", frozenset()).id, name), kinds)
    assert all(got == want for got, want in made)
