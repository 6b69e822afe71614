"""The shape interpreter: every field of every shape is required, typed and bounded; nothing else passes."""

import copy

import pytest

from audit.shapes import b64, check, unb64
from audit.strictjson import MalformedError
from tests.kit.audit_house import BOOT, SHA

CLOCK = {"v": 1, "t": "2026-11-20T09:00:00.812+05:30", "boot": BOOT, "boot_ms": 5}
BEAT = CLOCK | {"asleep_ms": 0, "open": 2}
CHANGE = CLOCK | {"what": "policy", "old": "", "new": SHA["policy"]}
BLOCKED = CLOCK | {
    "req": "r",
    "dialect": "openai",
    "caller": {"id": "uid:1", "kind": "uid"},
    "stage": "judge",
    "code": "refused",
    "count": 1,
    "policy": SHA["policy"],
    "redact": {"engine": "e", "counts": {"PERSON": 2}, "leaks": "pass"},
    "tick": 3,
}


@pytest.mark.parametrize(("kind", "body"), [("H", BEAT), ("C", CHANGE), ("B", BLOCKED)])
def test_right_bodies_pass_and_every_missing_key_is_seen(kind, body):
    check("records", kind, body)
    for key in body:
        if key == "redact":
            continue
        with pytest.raises(MalformedError):
            check("records", kind, {name: value for name, value in body.items() if name != key})


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("H", {"more": 1}),
        ("H", {"v": 2}),
        ("H", {"v": True}),
        ("H", {"open": -1}),
        ("H", {"open": 2**53}),
        ("H", {"open": "2"}),
        ("H", {"open": True}),
        ("H", {"t": "yesterday"}),
        ("H", {"boot": BOOT.upper().replace("1", "A")}),
        ("C", {"what": "weather"}),
        ("C", {"new": ""}),
        ("C", {"new": SHA["policy"].upper()}),
        ("C", {"approval": "x" * 50_001}),
        ("B", {"req": "x" * 33}),
        ("B", {"code": "line\nbreak"}),
        ("B", {"caller": {"id": "uid:1", "kind": "face"}}),
        ("B", {"caller": []}),
        ("B", {"caller": {"id": "uid:1", "kind": "uid", "name": "x"}}),
        ("B", {"redact": {"engine": "e", "counts": {"A B": 1}, "leaks": "pass"}}),
        ("B", {"redact": {"engine": "e", "counts": {"A": "1"}, "leaks": "pass"}}),
        ("B", {"redact": {"engine": "e", "counts": {f"N{n}": 1 for n in range(257)}, "leaks": "pass"}}),
        ("B", {"redact": {"engine": "e", "counts": {}, "leaks": "fail"}}),
        ("B", {"in": {"chars": 1, "parts": 1, "salt": "00", "commit": "hmac-sha256:" + SHA["policy"]}}),
        ("B", {"in": {"chars": 1, "parts": 1, "salt": "00" * 16, "commit": SHA["policy"]}}),
    ],
)
def test_wrong_bodies_are_refused(kind, change):
    body = copy.deepcopy({"H": BEAT, "C": CHANGE, "B": BLOCKED}[kind]) | change
    with pytest.raises(MalformedError) as caught:
        check("records", kind, body)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize(
    ("group", "name"), [("records", "D"), ("records", "K"), ("statements", "letter"), ("files", "x")]
)
def test_unknown_shapes_are_refused(group, name):
    with pytest.raises(MalformedError):
        check(group, name, {})


def test_lists_are_bounded():
    order = {"v": 1, "origin": "a.b/c", "t": CLOCK["t"], "seqs": list(range(2000)), "why": "error", "ref": "T-1"}
    check("statements", "tombstone", order)
    for change in (
        {"seqs": list(range(2001))},
        {"seqs": [-1]},
        {"seqs": "1"},
        {"ref": "Mr Name"},
        {"origin": "cordon1/x"},
    ):
        with pytest.raises(MalformedError):
            check("statements", "tombstone", order | change)


@pytest.mark.parametrize("origin", ["a", "A.b/c", "a.b/", "/a", "cordon1/x", "a b/c", "a/" + "b" * 200])
def test_other_origins_are_refused(origin):
    body = {"v": 1, "origin": origin, "t": CLOCK["t"], "sha": SHA["policy"], "size": 1}
    with pytest.raises(MalformedError):
        check("statements", "manifest", body)


def test_manifest_rows():
    body = {"v": 1, "origin": "a.b/c", "size": 1, "root": b64(bytes(32)), "from": 0, "to": 0, "t": CLOCK["t"]}
    check("files", "manifest", body | {"files": [["a", 1, SHA["policy"]]]})
    for row in (["a", 1], ["a", "1", SHA["policy"]], ["a", 1, "x"], "abc"):
        with pytest.raises(MalformedError):
            check("files", "manifest", body | {"files": [row]})


def test_base64_has_one_spelling():
    assert unb64(b64(b"\xff\x00")) == b"\xff\x00"
    for text in ("/wB=", "/wA", "/wA=\n", "_wA=", "é", "/w A="):
        with pytest.raises(MalformedError):
            unb64(text)
