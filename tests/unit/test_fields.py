"""Untrusted JSON: what is read, what is refused, and that no error quotes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.fields import MAX_DEPTH, Fields, as_fields, dump, read_object
from proxy.errors import CordonError


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"[]", "bad_json"),
        (b"null", "bad_json"),
        (b'"text"', "bad_json"),
        (b'{"a":1', "bad_json"),
        (b'{"a":1}x', "bad_json"),
        (b'{"a":\xff}', "bad_json"),
        (b'{"a":"\xed\xa0\x80"}', "bad_json"),
        (b'{"a":"\\ud800"}', "bad_json"),
        (b'{"\\udfff":1}', "bad_json"),
        (b'{"a":[{"b":["x\\udc00y"]}]}', "bad_json"),
        (b'\xef\xbb\xbf{"a":1}', "bad_json"),
        ('{"a":1}'.encode("utf-16"), "bad_json"),
        (b'{"a":NaN}', "bad_json"),
        (b'{"a":-Infinity}', "bad_json"),
        (b'{"a":1e999}', "bad_json"),
        (b'{"a":' + b"9" * 5000 + b"}", "bad_json"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "too_deep"),
    ],
)
def test_what_is_not_an_object_of_ours(body: bytes, code: str) -> None:
    with pytest.raises(CordonError) as refused:
        read_object(body)
    assert refused.value.code == code
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_depth_limit_is_exact() -> None:
    deep = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert read_object(deep).values
    with pytest.raises(CordonError):
        read_object(b'{"a":' + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"}")


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), _json, max_size=4))
def test_every_proper_object_is_read(value: dict[str, object]) -> None:
    assert read_object(json.dumps(value).encode()).values == value
    assert json.loads(dump(value)) == value


@given(st.binary(max_size=60))
def test_total(body: bytes) -> None:
    code = "bad_json"
    try:
        read_object(body)
    except CordonError as refused:
        code = refused.code
    assert code in {"bad_json", "too_deep"}


FIELDS = Fields({"t": "x", "e": "", "f": True, "i": 3, "d": 2.5, "o": {"a": 1}, "l": [1], "lo": [{}], "n": None})


@pytest.mark.parametrize(
    "read",
    [
        lambda: FIELDS.text("i"), lambda: FIELDS.need_text("n"), lambda: FIELDS.need_text("absent"),
        lambda: FIELDS.flag("i"),
        lambda: FIELDS.flag("e"), lambda: FIELDS.integer("d", 0, 9), lambda: FIELDS.integer("f", 0, 9),
        lambda: FIELDS.integer("i", 4, 9), lambda: FIELDS.integer("i", 0, 2), lambda: FIELDS.number("t", 0, 9),
        lambda: FIELDS.number("f", 0, 9), lambda: FIELDS.number("d", 0, 2), lambda: FIELDS.object("l"),
        lambda: FIELDS.need_object("n"), lambda: FIELDS.items("o"), lambda: list(FIELDS.objects("l")),
        lambda: as_fields([]),
    ],
)  # fmt: skip
def test_wrong_types_are_refused(read: object) -> None:
    with pytest.raises(CordonError, match="bad_request"):
        read()  # type: ignore[operator] # parametrised


def test_right_types_are_read() -> None:
    assert (FIELDS.text("t"), FIELDS.text("n"), FIELDS.need_text("e")) == ("x", None, "")
    assert (FIELDS.flag("f"), FIELDS.flag("n"), FIELDS.has("f"), FIELDS.has("n")) == (True, False, True, False)
    assert (FIELDS.integer("i", 0, 3), FIELDS.integer("n", 0, 3), FIELDS.number("i", 3, 3)) == (3, None, 3.0)
    assert (FIELDS.number("d", 0, 9), FIELDS.number("absent", 0, 9)) == (2.5, None)
    assert FIELDS.object("n") is None
    assert FIELDS.need_object("o").integer("a", 0, 1) == 1
    assert (list(FIELDS.items("l")), list(FIELDS.items("n")), len(list(FIELDS.objects("lo")))) == ([1], [], 1)
