"""Invariant: cutting the input differently never changes the output, and what is held back is bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from chunk_invariance import assert_chunk_invariant
from chunk_invariance.strategies import splits_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters.findings import Type
from filters.output import OutActions, OutputScan
from filters.parts import Form
from filters.restore import Restorer
from filters.segment import Segmenter
from filters.vault import Vault
from tests.kit.lookout import scanned

_SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LOOKALIKES = (
    "[NAME_1][NAME_10] [[NAME_1]] [NAME_1[NAME_2] [NAME_ [NAME_11] [name_1] ［NAME_1］ [NAME_1 [ID_1]x[ID_1 ] [N",
    "[NAME\\_1] [NAME_10",
    "Ana\u0301 [NAME_1]\u0301 😀[NAME_10]😀 \U00020000[ID_1] e\u0301[",
    '{"a":"[NAME_1]","[ID_1]":["x [TEXT_1]"],"b":"\\u005bNAME_1]"}',
)
LONG = (
    "The plan is clear. " * 9
    + "Mail dr.who@ward.example or 077 123 4567 now! "
    + "No dots here just words going on " * 12
    + "x" * 1100
    + " [NAME_1] and [NAME_10]. Key AKIA0123456789ABCDEF\n"
    + "Ana Pereira, Bo Ek; 011 234 5678? " * 6
    + "[LOCATION_1"
)  # fmt: skip


def _vault() -> Vault:
    vault = Vault()
    for n in range(10):
        vault.issue(Type.NAME, f"Person [NAME_{n}]")
    vault.issue(Type.ID, "20-12345")
    vault.issue(Type.TEXT, 'quote " back \\ line \n')
    vault.issue(Type.PHONE, "011 234 5678")
    return vault


def _restore(form: Form, chunks: Iterable[str]) -> Iterator[str]:
    restorer = Restorer(_vault(), form)
    for chunk in chunks:
        yield from (piece.text.reveal() for piece in restorer.feed(chunk))
    yield from (piece.text.reveal() for piece in restorer.finish())
    yield f"|{restorer.restored} {restorer.unresolved}"


def _scan(chunks: Iterable[str]) -> Iterator[str]:
    scan = OutputScan(_vault(), OutActions())
    yield from scanned(scan, chunks)
    yield f"|{scan.counts} {scan.kept} {scan.known}"


def _scan_then_restore(chunks: Iterable[str]) -> Iterator[str]:
    yield from _restore(Form.TEXT, scanned(OutputScan(_vault(), OutActions()), chunks))


def _segments(window: int | None, chunks: Iterable[str]) -> Iterator[str]:
    segmenter = Segmenter(window)
    for chunk in chunks:
        yield from (f"<{segment}>" for segment in segmenter.feed(chunk))
    yield from (f"<{segment}>" for segment in segmenter.finish())


def _journey(chunks: Iterable[str]) -> Iterator[str]:
    """Segments, then the scan, then restoration: the order of the pipeline."""
    segmenter = Segmenter(192)

    def released() -> Iterator[str]:
        for chunk in chunks:
            yield from segmenter.feed(chunk)
        yield from segmenter.finish()

    yield from _scan_then_restore(released())


def _text(chunks: Iterable[str]) -> Iterator[str]:
    return _restore(Form.TEXT, chunks)


def _json(chunks: Iterable[str]) -> Iterator[str]:
    return _restore(Form.JSON, chunks)


def _short_segments(chunks: Iterable[str]) -> Iterator[str]:
    return _segments(20, chunks)


def _long_segments(chunks: Iterable[str]) -> Iterator[str]:
    return _segments(192, chunks)


def _buffered(chunks: Iterable[str]) -> Iterator[str]:
    return _segments(None, chunks)


FILTERS = (_text, _json, _short_segments, _long_segments, _buffered, _scan, _scan_then_restore, _journey)


def _whole(filter_: object, text: str) -> str:
    return "".join(filter_([text]))  # type: ignore[operator]


@pytest.mark.parametrize("filter_", FILTERS)
@pytest.mark.parametrize("text", LOOKALIKES)
def test_every_cut_in_three(filter_: object, text: str) -> None:
    checked = assert_chunk_invariant(filter_, lambda whole: _whole(filter_, whole), text[:72], splits=3)
    assert checked > 150


@pytest.mark.parametrize("filter_", FILTERS)
@pytest.mark.parametrize("text", [*LOOKALIKES, LONG[:700]])
def test_every_cut_in_two(filter_: object, text: str) -> None:
    assert assert_chunk_invariant(filter_, lambda whole: _whole(filter_, whole), text) == len(text)


@pytest.mark.parametrize("filter_", FILTERS)
def test_character_by_character(filter_: object) -> None:
    assert_chunk_invariant(filter_, lambda whole: _whole(filter_, whole), LONG, splits=[list(LONG)])


@pytest.mark.parametrize("filter_", FILTERS)
@_SETTINGS
@given(split=splits_of(LONG))
def test_random_cuts_of_a_long_text(filter_: object, split: list[str]) -> None:
    assert_chunk_invariant(filter_, lambda whole: _whole(filter_, whole), LONG, splits=[split])


_ANYTHING = st.lists(
    st.sampled_from([
        "[NAME_1]", "[NAME_10]", "[", "]", "[NAME_", "_1]", ". ", "! ", "\n", " ", "word ",
        "dr.who@ward.example", "077 123 4567",
        "😀", "e\u0301", '"', "\\", "x" * 90, "Ana Pereira ", "AKIA0123456789ABCDEF", "[EMAIL]",
    ]),
    max_size=60,
).map("".join)  # fmt: skip


@pytest.mark.parametrize("filter_", FILTERS)
@_SETTINGS
@given(data=st.data())
def test_random_cuts_of_anything(filter_: object, data: st.DataObject) -> None:
    text = data.draw(_ANYTHING)
    split = data.draw(splits_of(text))
    assert_chunk_invariant(filter_, lambda whole: _whole(filter_, whole), text, splits=[split])


_NEW = ("dr.who@ward.example", "077 123 4567", "AKIA0123456789ABCDEF")
_WORDS = st.lists(st.sampled_from([*_NEW, "word", "x" * 90, "end.", "\n", "[NAME_1]", "Bo"]), max_size=80).map(" ".join)


@_SETTINGS
@given(text=_WORDS, data=st.data())
def test_no_new_value_is_released_not_even_in_part(text: str, data: st.DataObject) -> None:
    shown = "".join(scanned(OutputScan(_vault(), OutActions()), data.draw(splits_of(text))))
    for value in _NEW:
        assert not any(value[at : at + 8] in shown for at in range(len(value) - 7))


@_SETTINGS
@given(text=_ANYTHING)
def test_restoration_holds_at_most_fourteen_characters(text: str) -> None:
    restorer = Restorer(_vault(), Form.TEXT)
    passed = 0
    for taken, char in enumerate(text, 1):
        passed += sum(len(p.placeholder or p.text.reveal()) for p in restorer.feed(char))
        assert taken - passed <= 14
    assert passed + sum(len(p.placeholder or p.text.reveal()) for p in restorer.finish()) == len(text)
