"""Bech32 as BIP 173 gives it, without the length limit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.bech32 import decode, encode
from audit.strictjson import MalformedError


def test_a_published_string():
    assert decode("a", "A12UEL5L") == b""
    assert encode("a", b"") == "a12uel5l"
    split = "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w"
    assert encode("split", decode("split", split)) == split


@given(st.binary(max_size=1300))
@settings(max_examples=40, deadline=None)
def test_round_trip(data):
    assert decode("age1pq", encode("age1pq", data)) == data
    assert decode("age1pq", encode("age1pq", data).upper()) == data


@pytest.mark.parametrize("text", ["", "a1", "A12uEL5L", "a12uel5m", "b12uel5l", "a1lqfn3b", "x1b4n0q5v", "a12uel5l "])
def test_other_strings_are_refused(text):
    with pytest.raises(MalformedError):
        decode("a", text)
