"""Whatever bytes come: the Python and the JavaScript reader accept the same bodies and refuse the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit import shapes
from audit.strictjson import MalformedError, loads
from tests.kit.audit_house import quick_folder
from tests.kit.second_verifier import SecondVerifier, second_verifier

folder = pytest.fixture(scope="module")(quick_folder)
BEAT = b'{"v":1,"t":"2026-11-20T10:30:00.812+05:30","boot":"11111111-2222-4333-8444-555555555555","boot_ms":60000,"asleep_ms":0,"open":0}'  # noqa: E501
NOTE = b'{"v":1,"t":"2026-11-20T10:30:00.812+05:30","boot":"11111111-2222-4333-8444-555555555555","boot_ms":60000,"note":"%s"}'  # noqa: E501
TRUST = b'{"v":1,"site":"%s","officer":"a+12345678+AAAA","witness":"a+12345678+AAAA"}'
PIECES = [
    b"0",
    b"-0",
    b"1.0",
    b"1e2",
    b"9007199254740991",
    b"9007199254740992",
    b"-1",
    b"true",
    b"null",
    b"[]",
    b"{}",
    b'"',
    b"\\",
    b" ",
    b"\\u0000",
    b"\\u00e9",
    b"\\u00E9",
    b"\\ud800",
    b"\\ud83d\\ude00",
    b"\\/",
    b"\x7f",
    b"\\u007f",
    b"\xc3\xa9",
    b",",
    b'"v":1,',
    b"T24:00",
    b"-00:00",
    b"+18:00",
    b"+18:01",
    b"2026-02-29",
    b"2024-02-29",
    b"0000-01-01",
    b"1969-12-31T23:59:59.999-18:00",
    b"9999-12-31",
    b":60",
]


@pytest.fixture(scope="module")
def other(folder: Path) -> Iterator[SecondVerifier]:
    with second_verifier(folder) as running:
        yield running


def accepted(group: str, name: str, data: bytes) -> bool:
    try:
        shapes.check(group, name, loads(data))
    except MalformedError:
        return False
    return True


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, len(BEAT)), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=2)
)
@example([(0, 0, b"\xef\xbb\xbf")])
@example([(8, 30, b'"1969-12-31T23:59:59.999-01:00"')])
@example([(8, 30, b'"9999-12-31T23:59:59.999+00:00"')])
def test_a_spoiled_heartbeat(other, cuts):
    data = BEAT
    for place, length, piece in cuts:
        data = data[:place] + piece + data[place + length :]
    assert other.accepts("records", "H", data) == accepted("records", "H", data)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\ud83d\ude00\x00\x7f"), max_size=140), st.booleans())
@example("\ud800", True)
@example("x" * 129, True)
@example("\U0001f600" * 128, True)
@example("\U0001f600" * 129, True)
def test_any_text(other, text, escaped):
    spelled = "".join(_escaped(character) for character in text).encode()
    if not escaped:
        spelled = re.sub(rb"\\u([0-9a-f]{4})", lambda match: b"\\u" + match[1].upper(), spelled)
    for group, name, form in (("records", "A", NOTE), ("files", "trust", TRUST)):
        data = form % spelled
        assert other.accepts(group, name, data) == accepted(group, name, data)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if 0x20 <= code < 0x7F:
        return character
    if code > 0xFFFF:
        return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code - 0x10000 & 0x3FF):04x}"
    return {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}.get(code, f"\\u{code:04x}")


@pytest.mark.parametrize("depth", [1, 15, 16, 17, 18, 5000])
@pytest.mark.parametrize("inner", [b"0", b"null", b'"x"', b"[]"])
def test_depth(other, depth, inner):
    data = b'{"v":' + b"[" * depth + inner + b"]" * depth + b"}"
    assert other.accepts("records", "H", data) == accepted("records", "H", data)
