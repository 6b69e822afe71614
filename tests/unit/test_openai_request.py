"""OpenAI requests: what is read, what is dropped without a word, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.parts import PatientText
from proxy.dialects import Parsed
from proxy.dialects.openai_request import parse
from proxy.errors import CordonError
from proxy.exchange import Message, Prompt, Role, Sampling, ToolChoice

USER = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "function": {"name": "book", "description": "Book a bed", "parameters": {"type": "object"}}}
OTHER = {"type": "function", "function": {"name": "find"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": '{"a":1}'}}
SECRET = "Nimal Perera"


def _body(messages: object = (USER,), /, **more: object) -> bytes:
    return json.dumps({"model": "m", "messages": messages, **more}).encode()


def _prompt(messages: object = (USER,), /, **more: object) -> Prompt:
    return parse(_body(messages, **more)).prompt


def _code(messages: object = (USER,), /, **more: object) -> str:
    with pytest.raises(CordonError) as refused:
        parse(_body(messages, **more))
    return refused.value.code


def _texts(prompt: Prompt) -> list[str]:
    return [message.content.reveal() for message in prompt.conversation.messages]


def test_the_smallest_request() -> None:
    parsed = parse(_body())
    assert parsed == Parsed(parsed.prompt, stream=False)
    assert parsed.prompt.sampling == Sampling("m")
    assert parsed.prompt.conversation.messages == (Message(Role.USER, PatientText("hello")),)


def test_all_numbers() -> None:
    sampling = _prompt(
        max_tokens=9, max_completion_tokens=7, temperature=0, top_p=1, top_k=3, min_p=0.5, seed=-4, presence_penalty=-2,
        frequency_penalty=2.0, stream_options={"include_usage": True},
        n=1, logprobs=False, top_logprobs=0, logit_bias={"5": 1},
    ).sampling  # fmt: skip
    assert sampling == Sampling(
        "m", max_tokens=7, temperature=0.0, top_p=1.0, top_k=3, min_p=0.5, seed=-4, presence_penalty=-2.0,
        frequency_penalty=2.0, include_usage=True,
    )  # fmt: skip
    assert _prompt(max_tokens=9).sampling.max_tokens == 9
    assert parse(_body(stream=True)).stream


def test_what_could_carry_a_name_past_the_redaction_is_dropped() -> None:
    message = {"role": "user", "content": "hello", "name": SECRET, "weird": {"deep": SECRET}}
    prompt = _prompt(
        [message], user=SECRET, metadata={"a": SECRET}, safety_identifier=SECRET, prompt_cache_key=SECRET,
        session_note=SECRET,
        store=True, parallel_tool_calls=False, service_tier="auto", chat_template_kwargs={"note": SECRET},
        prediction={"content": SECRET},
    )  # fmt: skip
    assert prompt == _prompt()


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"reasoning_effort": "low"}, True), ({"reasoning_effort": "xhigh"}, True),
        ({"reasoning_effort": "none"}, False), ({"reasoning_effort": "minimal"}, False),
        ({"reasoning_effort": None}, False),
        ({"chat_template_kwargs": {"enable_thinking": True}}, True),
        ({"chat_template_kwargs": {"enable_thinking": False}}, False), ({}, False),
    ],
)  # fmt: skip
def test_thoughts_are_asked_for_by_name(more: dict[str, object], wanted: bool) -> None:
    assert _prompt(**more).sampling.thinking is wanted


def test_roles_and_parts() -> None:
    messages = [
        {"role": "system", "content": "a"},
        {"role": "developer", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "content": None, "refusal": "never"},
        {"role": "assistant", "content": "d", "reasoning_content": "thought"},
        {"role": "user", "content": ""},
    ]
    prompt = _prompt(messages)
    assert _texts(prompt) == ["a", "b\nc", "no", "never", "d", ""]
    assert [m.role.value for m in prompt.conversation.messages] == [str(m["role"]) for m in messages]
    assert prompt.conversation.messages[4].reasoning == PatientText("thought")


def test_tool_results_find_their_calls() -> None:
    again = CALL | {"function": {"name": "book", "arguments": "not json"}}
    messages = [
        USER,
        {"role": "assistant", "tool_calls": [CALL, CALL | {"id": "c2"}]},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "one"}]},
        {"role": "assistant", "content": "", "tool_calls": [again]},
        {"role": "tool", "tool_call_id": "c1", "content": "three"},
    ]
    prompt = _prompt(messages, tools=[TOOL])
    assert [m.answers for m in prompt.conversation.messages] == [None, None, 1, 0, None, 2]
    assert prompt.conversation.messages[4].tool_calls[0].arguments == PatientText("not json")


@pytest.mark.parametrize(
    ("choice", "names", "want"),
    [
        (None, ["book", "find"], ToolChoice.AUTO),
        ("auto", ["book", "find"], ToolChoice.AUTO),
        ("none", ["book", "find"], ToolChoice.NONE),
        ("required", ["book", "find"], ToolChoice.REQUIRED),
        ({"type": "function", "function": {"name": "find"}}, ["find"], ToolChoice.REQUIRED),
    ],
)
def test_tools(choice: object, names: list[str], want: ToolChoice) -> None:
    prompt = _prompt(tools=[TOOL, OTHER], tool_choice=choice)
    assert [t.name for t in prompt.conversation.tools] == names
    assert prompt.sampling.tool_choice is want
    assert prompt.conversation.tools[-1].parameters == PatientText('{"type":"object","properties":{}}')


def test_formats_and_stops() -> None:
    schema = {"type": "object", "properties": {"Überweisung": {"type": "string"}}}
    form = {
        "type": "json_schema",
        "json_schema": {"name": SECRET, "description": SECRET, "schema": schema, "strict": True},
    }
    prompt = _prompt(response_format=form, stop="END")
    assert prompt.conversation.schema is not None
    assert json.loads(prompt.conversation.schema.reveal()) == schema
    assert "Überweisung" in prompt.conversation.schema.reveal()  # not escaped: detectors read it as it is
    assert prompt.conversation.stop == (PatientText("END"),)
    assert not prompt.sampling.json_mode
    assert _prompt(response_format={"type": "json_object"}).sampling.json_mode
    assert _prompt(response_format={"type": "text"}) == _prompt()
    assert len(_prompt(stop=["a", "b"]).conversation.stop) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"n": 2}, {"logprobs": True}, {"top_logprobs": 3}, {"functions": [{}]}, {"function_call": "auto"},
        {"audio": {"voice": "a"}},
        {"modalities": ["text", "audio"]}, {"tools": [{"type": "custom", "custom": {}}]},
        {"tool_choice": {"type": "allowed_tools"}}, {"response_format": {"type": "grammar"}},
    ],
)  # fmt: skip
def test_what_cannot_be_done(more: dict[str, object]) -> None:
    assert _code(**more) == "unsupported_parameter"


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "http://x"}}],
        [{"type": "text", "text": "a"}, {"type": "input_audio", "input_audio": {}}],
        [{"type": "file", "file": {}}],
        [{"type": "video_url"}],
        "see data:image/png;base64,iVBORw0KGgo= there",
        [{"type": "text", "text": "DATA:application/pdf;name=x;base64,JVBER"}],
    ],
)
def test_what_cannot_be_inspected(content: object) -> None:
    assert _code([{"role": "user", "content": content}]) == "content_not_inspectable"


def test_audio_of_an_earlier_answer_cannot_be_inspected() -> None:
    assert _code([{"role": "assistant", "content": "a", "audio": {"id": "x"}}, USER]) == "content_not_inspectable"
    assert _texts(_prompt([{"role": "user", "content": "data:text/plain;base64,aGVsbG8="}]))  # text: the detector's


@pytest.mark.parametrize(
    "more",
    [
        {"model": 5}, {"model": ""}, {"model": None}, {"model": "m" * 300}, {"stream": "yes"}, {"stream": 1},
        {"max_tokens": 0},
        {"max_tokens": 1.5}, {"max_tokens": True}, {"max_completion_tokens": "5"}, {"temperature": "0.5"},
        {"temperature": 3},
        {"temperature": -0.1}, {"top_p": 1.1}, {"top_k": -1}, {"min_p": 2}, {"seed": 2**63}, {"seed": "x"},
        {"stop": ""},
        {"stop": [""]}, {"stop": [5]}, {"stop": 5}, {"stop": ["x"] * 17}, {"presence_penalty": 2.1},
        {"frequency_penalty": None, "n": "1"},
        {"stream_options": []}, {"stream_options": {"include_usage": 1}}, {"tools": {}}, {"tools": [5]},
        {"tools": [{}]},
        {"tools": [{"type": "function"}]}, {"tools": [TOOL, TOOL]},
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        {"tools": [{"type": "function", "function": {"name": "a", "parameters": []}}]}, {"tool_choice": "required"},
        {"tool_choice": "any"}, {"tool_choice": 5}, {"tool_choice": {"type": "function", "function": {"name": "x"}}},
        {"response_format": "json"}, {"response_format": {}}, {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, {"logprobs": "no"}, {"n": 0},
        {"modalities": "text"}, {"reasoning_effort": "much"}, {"reasoning_effort": 1}, {"chat_template_kwargs": []},
        {"chat_template_kwargs": {"enable_thinking": "yes"}},
        {"tools": [{"type": "function", "function": {"name": f"f{n}"}} for n in range(129)]},
    ],
)  # fmt: skip
def test_wrong_types_and_values(more: dict[str, object]) -> None:
    assert _code(**more) == "bad_request"


@pytest.mark.parametrize(
    "messages",
    [
        [], {}, "hello", None, [5], [{}], [{"role": "user"}], [{"role": "user", "content": None}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": []}], [{"role": "user", "content": ["a"]}],
        [{"role": "user", "content": [{"text": "a"}]}],
        [{"role": "user", "content": [{"type": "text"}]}], [{"role": "god", "content": "a"}],
        [{"role": 5, "content": "a"}],
        [{"role": "function", "name": "f", "content": "a"}], [{"role": "tool", "content": "a"}],
        [{"role": "tool", "tool_call_id": "c9", "content": "a"}],
        [{"role": "user", "content": "a", "tool_calls": [CALL]}],
        [{"role": "assistant", "tool_calls": [{"id": "c"}]}], [{"role": "assistant", "tool_calls": [CALL | {"id": 5}]}],
        [{"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f", "arguments": {}}}]}],
        [{"role": "assistant", "content": "a", "reasoning_content": 5}],
    ],
)  # fmt: skip
def test_wrong_messages(messages: object) -> None:
    assert _code(messages) == "bad_request"


def test_legacy_calls_in_messages() -> None:
    assert _code([{"role": "assistant", "function_call": {"name": "f"}}]) == "unsupported_parameter"
    assert _code([{"role": "assistant", "tool_calls": [CALL | {"type": "custom"}]}]) == "unsupported_parameter"


_scalar = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5) | st.sampled_from(["user", "text", "function"])
)
_any = st.recursive(
    _scalar, lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "function", "name", "tool_calls", "id"]),
    inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["model", "messages", "tools", "tool_choice", "stop", "response_format", "n"]), _any
    )
)
def test_total_and_no_refusal_quotes_the_request(request_body: dict[str, object]) -> None:
    code = said = "bad_request"
    try:
        parse(json.dumps(request_body).encode())
    except CordonError as refused:
        code, said = refused.code, str(refused)
    assert code == said
    assert code in {"bad_request", "unsupported_parameter", "content_not_inspectable", "bad_json"}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=5))
def test_text_arrives_as_it_was_sent(texts: list[str]) -> None:
    prompt = _prompt([{"role": "user", "content": text} for text in texts])
    assert _texts(prompt) == texts
    assert all(repr(text) not in repr(prompt) for text in texts if len(text) > 3)
