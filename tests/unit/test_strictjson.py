"""Strict JSON: one value, one spelling. The refused spellings are those that Python and JavaScript would accept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.strictjson import MAX_INT, MalformedError, dumps, loads

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,10}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(names, values, max_size=6))
@settings(max_examples=80, deadline=None)
def test_round_trip(value):
    data = dumps(value)
    assert loads(data) == value
    assert dumps(loads(data)) == data
    assert data.isascii()
    assert b"\n" not in data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a": 1}',
        b'{"a":1} ',
        b'{"a":1}\n',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\u00E9"}',
        b'{"a":"\\/"}',
        b'{"a":"\xc3\xa9"}',
        b'{"1a":1}',
        b'{"":1}',
        b'{"a b":1}',
        b'{"a":9007199254740992}',
        b'{"a":-9007199254740992}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"[" * 17 + b"]" * 17 + b"}",
        b"{'a':1}",
        b'{"a":1,}',
    ],
)
def test_other_spellings_are_refused(data):
    with pytest.raises(MalformedError):
        loads(data)


@pytest.mark.parametrize("value", [{"a": 1.5}, {"a": MAX_INT + 1}, {"a b": 1}, {1: 2}, {"a": b"x"}, {"a": {"é": 1}}])
def test_other_values_have_no_spelling(value):
    with pytest.raises(MalformedError):
        dumps(value)


def test_everything_beyond_ascii_is_escaped_in_lower_case():
    assert dumps({"a": "é\U0001f600"}) == b'{"a":"\\u00e9\\ud83d\\ude00"}'


def test_errors_carry_no_content():
    with pytest.raises(MalformedError) as caught:
        loads(b'{"secret": 1.5}')
    assert "secret" not in str(caught.value)
