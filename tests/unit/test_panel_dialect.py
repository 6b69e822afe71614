"""A preview is read as a question is read, and its digest is over what a model would see."""

from __future__ import annotations

import hashlib
import json

import pytest

from filters.findings import Type
from filters.parts import PatientText
from filters.restore import Piece
from proxy.dialects.fields import read_object
from proxy.dialects.openai_request import read_prompt
from proxy.dialects.panel import Preview, PreviewMessage, encode_preview, parse_preview
from proxy.errors import CordonError

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


def test_the_digest_is_over_roles_and_redacted_text_each_with_its_length() -> None:
    digest = hashlib.sha256()
    for text in ("system", "Be brief.", "user", '[NAME_1] is "well" 😀\ud800'):
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    assert json.loads(encode_preview(PREVIEW))["sha256"] == digest.hexdigest()


def test_another_name_under_the_same_placeholder_is_the_same_digest_and_a_moved_cut_is_not() -> None:
    def sha(*pieces: Piece, role: str = "user") -> str:
        return str(json.loads(encode_preview(Preview((PreviewMessage(role, pieces),), (), "p")))["sha256"])

    ana, eva = (Piece(PatientText(n), "[NAME_1]", Type.NAME) for n in ("Ana", "Eva"))
    assert sha(ana) == sha(eva)
    assert sha(ana) != sha(Piece(PatientText("Ana")))
    assert sha(Piece(PatientText("ab"))) != sha(Piece(PatientText("b")), role="usera")
