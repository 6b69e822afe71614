"""A preview is read as a question is read, and its digest is over what a model would see."""

from __future__ import annotations

import hashlib
import json

import pytest

from filters.findings import Type
from filters.parts import PatientText, RedactedText
from filters.restore import Piece
from proxy.dialects import Parsed, ReplyHead
from proxy.dialects.fields import read_object
from proxy.dialects.openai_request import read_prompt
from proxy.dialects.panel import (
    DIALECT,
    PanelStatus,
    Preview,
    PreviewMessage,
    Today,
    encode_changed,
    encode_preview,
    encode_status,
    parse_ask,
    parse_preview,
)
from proxy.errors import CordonError
from proxy.exchange import (
    Broken,
    Conversation,
    Event,
    Finish,
    Finished,
    Message,
    Opened,
    Refused,
    Released,
    ReleasedCall,
    Role,
    Sampling,
    Usage,
    Withheld,
    seen_digest,
)

HELLO = {"messages": [{"role": "user", "content": "Ana Pereira"}]}


def parsed(**more: object):
    return parse_preview(json.dumps({**HELLO, **more}).encode())


def code_of(body: bytes) -> str:
    with pytest.raises(CordonError) as caught:
        parse_preview(body)
    assert "Ana" not in str(caught.value)
    return caught.value.code


def test_messages_are_read_as_a_question_is_read() -> None:
    body = {"model": "demo", "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], **HELLO}
    raw = json.dumps(body).encode()
    assert parse_preview(raw).conversation == read_prompt(read_object(raw)).conversation


def test_a_model_need_not_be_named_and_marks_are_patient_text() -> None:
    assert parsed().sampling.model == "preview"
    assert parsed(model="demo").sampling.model == "demo"
    assert parsed().marked == ()
    marked = parsed(marked=["Kumari", "Ward 7"]).marked
    assert marked == (PatientText("Kumari"), PatientText("Ward 7"))
    assert "Kumari" not in repr(marked)


@pytest.mark.parametrize(
    "marked", [["x"] * 21, ["x" * 201], [""], [7], [None], [["x"]], "Ana", {"a": 1}], ids=lambda m: repr(m)[:12]
)
def test_marks_outside_their_bounds_are_refused(marked: object) -> None:
    assert code_of(json.dumps({**HELLO, "marked": marked}).encode()) == "bad_request"


def test_the_bounds_themselves_are_fine() -> None:
    assert len(parsed(marked=["x" * 200] * 20).marked) == 20


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"[]", "bad_json"),
        (b"{}", "bad_request"),
        (b'{"messages": "Ana"}', "bad_request"),
        (b'{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}',
         "content_not_inspectable"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_its_code(body: bytes, code: str) -> None:
    assert code_of(body) == code


PREVIEW = Preview(
    (
        PreviewMessage("system", (Piece(PatientText("Be brief.")),)),
        PreviewMessage(
            "user",
            (Piece(PatientText("Ana Pereira"), "[NAME_1]", Type.NAME), Piece(PatientText(' is "well" 😀\ud800'))),
        ),
    ),
    (("NAME", 1),),
    "hospital",
    "ab" * 32,
)


def test_parts_show_the_original_beside_its_placeholder() -> None:
    shown = json.loads(encode_preview(PREVIEW))
    assert shown["messages"][0] == {"role": "system", "parts": [{"text": "Be brief."}]}
    assert shown["messages"][1]["parts"] == [
        {"placeholder": "[NAME_1]", "type": "NAME", "original": "Ana Pereira"},
        {"text": ' is "well" 😀\ud800'},
    ]
    assert (shown["counts"], shown["policy"]) == ({"NAME": 1}, "hospital")
    assert encode_preview(PREVIEW).isascii()


def test_the_flat_list_holds_the_parts_of_all_messages() -> None:
    shown = json.loads(encode_preview(PREVIEW))
    assert shown["parts"] == [part for message in shown["messages"] for part in message["parts"]]
    assert shown["sha256"] == "ab" * 32


def test_the_digest_is_over_roles_and_redacted_text_each_with_its_length() -> None:
    digest = hashlib.sha256()
    for text in ("system", "Be brief.", "user", '[NAME_1] is "well" 😀\ud800'):
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    messages = (
        Message(Role.SYSTEM, RedactedText("Be brief.")),
        Message(Role.USER, RedactedText('[NAME_1] is "well" 😀\ud800')),
    )
    assert seen_digest(Conversation(messages)) == digest.hexdigest()


def test_a_moved_cut_between_role_and_text_is_another_digest() -> None:
    def sha(*texts: str) -> str:
        return seen_digest(Conversation(tuple(Message(Role.USER, RedactedText(text)) for text in texts)))

    assert sha("ab") == sha("ab") != sha("a", "b")
    assert sha("a", "userb") != sha("auser", "b")


def ask(**more: object) -> Parsed:
    return parse_ask(json.dumps({**HELLO, "sha256": "0a" * 32, **more}).encode())


def test_a_question_carries_what_was_shown_and_nothing_else() -> None:
    parsed = ask(marked=["Ward 7"], tools=[{"type": "nonsense"}], temperature="hot", model=7, stream=False, stop="x")
    assert parsed.stream
    assert (parsed.prompt.seen, parsed.prompt.marked) == ("0a" * 32, (PatientText("Ward 7"),))
    assert parsed.prompt.sampling == Sampling(model="")
    assert parsed.prompt.conversation.tools == parsed.prompt.conversation.stop == ()


@pytest.mark.parametrize("digest", [None, "", "0A" * 32, "0a" * 31, "0a" * 33, 7, "0a" * 32 + "\n"])
def test_a_question_without_a_preview_is_refused(digest: object) -> None:
    with pytest.raises(CordonError, match="bad_request"):
        ask(sha256=digest)


HEAD = ReplyHead("f" * 32, 0)
PIECES = (Piece(PatientText("Ana"), "[NAME_1]", Type.NAME), Piece(PatientText(" is well.\n\n")))


def events_of(raw: bytes) -> list[tuple[str, dict[str, object]]]:
    found = []
    for block in raw.decode("ascii").split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (Opened("demo", ()), []),
        (Released(()), []),
        (ReleasedCall(0, "f", ()), []),
        (
            Released(PIECES),
            [("answer", {"parts": [{"placeholder": "[NAME_1]", "type": "NAME", "original": "Ana"},
                                   {"text": " is well.\n\n"}]})],
        ),
        (
            Finished(Finish.LENGTH, Usage(1, 2), ("dangerous",)),
            [("done", {"exchange": "f" * 32, "finish": "length", "flags": ["dangerous"]})],
        ),
        (Withheld("response_refused", "sexual"), [("refused", {"code": "response_refused", "rule": "sexual"})]),
        (Refused("prompt_refused", "hate"), [("refused", {"code": "prompt_refused", "rule": "hate"})]),
        (Broken("engine_lost"), [("error", {"code": "engine_lost"})]),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_events_of_an_answer(event: Event, wanted: list[tuple[str, dict[str, object]]]) -> None:
    got = events_of(DIALECT.asks[0].stream(HEAD).feed(event))
    for _, said in got:
        sentence = said.pop("sentence", None)
        assert sentence is None or str(sentence).endswith(".")
    assert got == wanted


def test_an_out_of_date_preview_comes_with_the_new_one() -> None:
    body = json.loads(encode_changed(PREVIEW, "r1"))
    assert body["error"]["code"] == "preview_changed"
    assert body["preview"] == json.loads(encode_preview(PREVIEW))


def test_status_tells_of_the_service_and_the_caller() -> None:
    status = PanelStatus("1.0", "hospital", "ab" * 32, "demo", True, "demo", 9, "E1", "Words.", False)
    body = json.loads(encode_status(status, ("k1", 7), Today(1, 2, 3)))
    assert body == {
        "version": "1.0", "policy": {"name": "hospital", "digest": "ab" * 32}, "model": {"id": "demo", "demo": True},
        "guard": {"basis": "demo"}, "limits": {"chars": 9}, "evidence": {"level": "E1", "sentence": "Words."},
        "client": {"kid": "k1", "expires": 7}, "today": {"answered": 1, "refused": 2, "failed": 3},
        "unsafe_policy": False,
    }  # fmt: skip
    assert json.loads(encode_status(status, None, Today()))["client"] is None


def test_an_error_names_its_rule_if_it_has_one() -> None:
    assert json.loads(DIALECT.error("prompt_refused", "r1", "hate"))["error"]["rule"] == "hate"
    assert set(json.loads(DIALECT.error("not_found", "r1", ""))["error"]) == {"code", "message", "next", "request_id"}
