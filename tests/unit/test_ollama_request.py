"""Ollama requests: what is read, what is dropped without a word, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.parts import PatientText
from proxy.dialects import Parsed
from proxy.dialects.ollama_request import parse_chat, parse_generate, parse_show
from proxy.errors import CordonError
from proxy.exchange import Message, Prompt, Role, Sampling, ToolChoice

USER = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "function": {"name": "book", "description": "Book a bed", "parameters": {"type": "object"}}}
BOOK = {"function": {"name": "book", "arguments": {"a": 1}}}
FIND = {"function": {"name": "find", "arguments": {}}}
SECRET = "Nimal Perera"


def _body(messages: object = (USER,), /, **more: object) -> bytes:
    return json.dumps({"model": "m", "messages": messages, **more}).encode()


def _chat(messages: object = (USER,), /, **more: object) -> Prompt:
    return parse_chat(_body(messages, **more)).prompt


def _generate(**more: object) -> Prompt:
    return parse_generate(json.dumps({"model": "m", "prompt": "hello", **more}).encode()).prompt


def _chat_code(messages: object = (USER,), /, **more: object) -> str:
    with pytest.raises(CordonError) as refused:
        parse_chat(_body(messages, **more))
    return refused.value.code


def _generate_code(**more: object) -> str:
    with pytest.raises(CordonError) as refused:
        _generate(**more)
    return refused.value.code


def test_the_smallest_requests_stream() -> None:
    parsed = parse_chat(_body())
    assert parsed == Parsed(parsed.prompt, stream=True)
    assert parsed.prompt.sampling == Sampling("m")
    assert parsed.prompt.conversation.messages == (Message(Role.USER, PatientText("hello")),)
    assert parse_generate(b'{"model":"m","prompt":"hello"}') == parsed
    assert parse_chat(_body(stream=None)).stream
    assert not parse_chat(_body(stream=False)).stream


@pytest.mark.parametrize("read", [_chat, _generate])
def test_options(read: object) -> None:
    options = {
        "temperature": 0, "top_p": 1, "top_k": 3, "min_p": 0.5, "seed": 4, "num_predict": 7, "presence_penalty": -2,
        "frequency_penalty": 2.0, "stop": ["END"], "num_ctx": 8192, "mirostat": 1, "repeat_penalty": 1.1,
    }  # fmt: skip
    prompt = read(options=options)  # type: ignore[operator] # one of two functions
    assert prompt.sampling == Sampling(
        "m", max_tokens=7, temperature=0.0, top_p=1.0, top_k=3, min_p=0.5, seed=4, presence_penalty=-2.0,
        frequency_penalty=2.0,
    )  # fmt: skip
    assert prompt.conversation.stop == (PatientText("END"),)


@pytest.mark.parametrize("options", [{"num_predict": -1}, {"num_predict": -2}, {"num_predict": 0}, {"seed": -1}, {}])
def test_numbers_that_mean_none(options: object) -> None:
    assert _chat(options=options).sampling == Sampling("m")


def test_formats() -> None:
    schema = {"type": "object", "properties": {"Überweisung": {"type": "string"}}}
    prompt = _chat(format=schema)
    assert prompt.conversation.schema is not None
    assert json.loads(prompt.conversation.schema.reveal()) == schema
    assert "Überweisung" in prompt.conversation.schema.reveal()  # not escaped: detectors read it as it is
    assert not prompt.sampling.json_mode
    assert _chat(format="json").sampling.json_mode
    assert _chat(format="") == _chat(format=None) == _chat()


def test_what_could_carry_a_name_past_the_redaction_is_dropped() -> None:
    message = {"role": "user", "content": "hello", "name": SECRET, "tool_name": SECRET, "weird": {"deep": SECRET}}
    more = {"keep_alive": "5m", "user": SECRET, "think": False, "options": {"note": SECRET}, "images": None}
    assert _chat([message], **more) == _chat()
    assert _generate(template="", suffix="", raw=False, context=[], **more) == _generate()


def test_latest_is_what_clients_add_to_a_name() -> None:
    assert _chat(model="clinic:latest").sampling.model == "clinic"
    assert _chat(model="clinic:4b").sampling.model == "clinic:4b"
    assert parse_show(b'{"model":"clinic:latest"}') == parse_show(b'{"name":"clinic"}') == "clinic"


def test_the_system_text_of_generate_is_a_system_turn() -> None:
    messages = _generate(system="be brief").conversation.messages
    assert messages == (Message(Role.SYSTEM, PatientText("be brief")), Message(Role.USER, PatientText("hello")))
    assert _generate(system="") == _generate()


def test_roles() -> None:
    messages = [
        {"role": "system", "content": "a"},
        {"role": "assistant", "content": "d", "thinking": "thought"},
        {"role": "assistant"},
        {"role": "user", "content": "", "images": [], "tool_calls": []},
    ]
    got = _chat(messages).conversation.messages
    assert [m.role.value for m in got] == [m["role"] for m in messages]
    assert [m.content.reveal() for m in got] == ["a", "d", "", ""]
    assert got[1].reasoning == PatientText("thought")


@pytest.mark.parametrize(
    ("results", "answers"),
    [
        ([{}, {}], [0, 1]),
        ([{"tool_name": "find"}, {"tool_name": "book"}], [1, 0]),
        ([{"name": "find"}, {}], [1, 0]),
        ([{"tool_call_id": "c2"}, {"tool_call_id": "c1", "tool_name": "book"}], [1, 0]),
    ],
)
def test_tool_results_find_their_calls(results: list[dict[str, str]], answers: list[int]) -> None:
    calls = {"role": "assistant", "content": "", "tool_calls": [BOOK | {"id": "c1"}, FIND | {"id": "c2"}]}
    messages = [USER, calls, *({"role": "tool", "content": "done"} | result for result in results)]
    prompt = _chat(messages, tools=[TOOL])
    got = prompt.conversation.messages
    assert [m.answers for m in got] == [None, None, *answers]
    assert [c.arguments.reveal() for c in got[1].tool_calls] == ['{"a":1}', "{}"]
    assert [t.name for t in prompt.conversation.tools] == ["book"]
    assert prompt.sampling.tool_choice is ToolChoice.AUTO


def test_the_same_function_called_twice_is_answered_in_order() -> None:
    calls = {"role": "assistant", "tool_calls": [BOOK, BOOK]}
    result = {"role": "tool", "tool_name": "book", "content": "done"}
    assert [m.answers for m in _chat([USER, calls, result, result]).conversation.messages] == [None, None, 0, 1]
    assert _chat_code([USER, calls, result, result, result]) == "bad_request"


@pytest.mark.parametrize("more", [{"logprobs": True}, {"top_logprobs": 3}])
def test_what_cannot_be_done(more: dict[str, object]) -> None:
    assert _chat_code(**more) == "unsupported_parameter"
    assert _generate_code(**more) == "unsupported_parameter"


@pytest.mark.parametrize(
    ("think", "wanted"), [(True, True), ("low", True), ("high", True), (False, False), (None, False)]
)
def test_thoughts_are_asked_for_by_think(think: object, wanted: bool) -> None:
    assert _chat(think=think).sampling.thinking is wanted
    assert _chat().sampling.thinking is False
    assert _generate(think=think).sampling.thinking is wanted


@pytest.mark.parametrize("think", ["yes", 1, 0, 1.0, [], {}])
def test_think_is_a_yes_a_no_or_a_level(think: object) -> None:
    assert _chat_code(think=think) == "bad_request"


@pytest.mark.parametrize("more", [{"template": "{{ .Prompt }}"}, {"suffix": "end"}, {"raw": True}, {"context": [1, 2]}])
def test_nothing_passes_the_template(more: dict[str, object]) -> None:
    assert _generate_code(**more) == "unsupported_parameter"


def test_what_cannot_be_inspected() -> None:
    assert _generate_code(images=["aGVsbG8="]) == "content_not_inspectable"
    assert _generate_code(prompt="data:image/png;base64,iVBORw0KGgo=") == "content_not_inspectable"
    assert _generate_code(system="data:image/png;base64,iVBORw0KGgo=") == "content_not_inspectable"
    for role in ("user", "assistant", "system"):
        assert _chat_code([{"role": role, "content": "a", "images": ["aGVsbG8="]}]) == "content_not_inspectable"
        assert _chat_code([{"role": role, "content": "data:audio/wav;base64,AA"}]) == "content_not_inspectable"


@pytest.mark.parametrize(
    "more",
    [
        {"model": 5}, {"model": ""}, {"model": ":latest"}, {"model": None}, {"model": "m" * 300}, {"stream": "yes"},
        {"stream": 1}, {"format": "xml"}, {"format": 5}, {"format": ["json"]}, {"options": []}, {"options": "fast"},
        {"logprobs": "no"}, {"options": {"num_predict": 1.5}}, {"options": {"num_predict": -3}},
        {"options": {"temperature": "0.5"}}, {"options": {"temperature": 3}}, {"options": {"top_p": 1.1}},
        {"options": {"top_k": -1}}, {"options": {"min_p": 2}}, {"options": {"seed": 2**63}}, {"options": {"seed": "x"}},
        {"options": {"stop": [""]}}, {"options": {"stop": 5}}, {"options": {"stop": ["x"] * 17}},
    ],
)  # fmt: skip
def test_wrong_types_and_values(more: dict[str, object]) -> None:
    assert _chat_code(**more) == "bad_request"
    assert _generate_code(**more) == "bad_request"


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": ""}, {"prompt": None}, {"prompt": ["a"]}, {"system": 5}, {"template": 5}, {"raw": "yes"},
        {"context": 5}, {"images": "aGVsbG8="}, {"suffix": []},
    ],
)  # fmt: skip
def test_wrong_fields_of_generate(more: dict[str, object]) -> None:
    assert _generate_code(**more) == "bad_request"


@pytest.mark.parametrize(
    "messages",
    [
        [], {}, "hello", None, [5], [{}], [{"role": "user"}], [{"role": "user", "content": None}],
        [{"role": "user", "content": 5}], [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
        [{"role": "god", "content": "a"}], [{"role": "developer", "content": "a"}], [{"role": 5, "content": "a"}],
        [{"role": "tool", "content": "a"}], [{"role": "user", "content": "a", "tool_calls": [BOOK]}],
        [{"role": "user", "content": "a", "images": "x"}], [{"role": "assistant", "tool_calls": [{}]}],
        [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}],
        [{"role": "assistant", "tool_calls": [{"function": {"name": "a b", "arguments": {}}}]}],
        [{"role": "assistant", "content": "a", "thinking": 5}],
        [{"role": "assistant", "tool_calls": [BOOK]}, {"role": "tool", "tool_name": "find", "content": "a"}],
        [{"role": "assistant", "tool_calls": [BOOK]}, {"role": "tool", "tool_call_id": "c9", "content": "a"}],
    ],
)  # fmt: skip
def test_wrong_messages(messages: object) -> None:
    assert _chat_code(messages) == "bad_request"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":5}', b"{}", b'{"name":""}'])
def test_wrong_questions_about_a_model(body: bytes) -> None:
    with pytest.raises(CordonError, match=r"bad_json|bad_request"):
        parse_show(body)


_KEYS = ["role", "content", "images", "tool_calls", "function", "name", "arguments", "temperature", "stop", "tool_name"]
_scalar = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5) | st.sampled_from(["user", "tool", "m"])
_any = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=8,
)
_TOP = ["model", "messages", "prompt", "system", "tools", "format", "options", "think", "images", "raw", "context"]


@given(st.dictionaries(st.sampled_from(_TOP), _any))
def test_total_and_no_refusal_quotes_the_request(request_body: dict[str, object]) -> None:
    for parse in (parse_chat, parse_generate):
        code = said = "bad_request"
        try:
            parse(json.dumps(request_body).encode())
        except CordonError as refused:
            code, said = refused.code, str(refused)
        assert code == said
        assert code in {"bad_request", "unsupported_parameter", "content_not_inspectable"}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=5))
def test_text_arrives_as_it_was_sent(texts: list[str]) -> None:
    prompt = _chat([{"role": "user", "content": text} for text in texts])
    assert [m.content.reveal() for m in prompt.conversation.messages] == texts
    assert all(repr(text) not in repr(prompt) for text in texts if len(text) > 3)
