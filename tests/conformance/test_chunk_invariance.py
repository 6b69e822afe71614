"""The outside judge `chunk_invariance` over everything an answer passes, with the analyst as it ships.

Whole means: feed all, finish. Every split into two parts of every text, every split into three of the short ones. The
output of a filter ends with what it counted, so counts may not depend on the cut either.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

import pytest
from chunk_invariance import ChunkInvarianceError, assert_chunk_invariant

from filters.findings import Type
from filters.output import OutActions, OutputScan
from filters.parts import Form
from filters.restore import Restorer
from filters.segment import Segmenter
from filters.switches import Switches
from filters.vault import Vault
from proxy.workers.engine.stops import StopScanner
from tests.kit.bundled import Reader, bundled_analyst, scanned_by

Filter = Callable[[Reader, Iterable[str]], Iterator[str]]

SHORT = {
    "adjacent": "[NAME_1][NAME_10] [NAME_1]0] [NAME_10[NAME_1]] [[NAME_1]] [NAME_1[NAME_2] [NAME_ [ID_1]x[ID_1 ] "
    "[NAME_1",
    "altered": "[name_1] ［NAME_1］ [NAME\\_1] [NAME_11] [NAME_01] [Name_1] [NAME 1] [NAME_1 ] **[NAME_1]** [NAME_",
    "astral": "Ana\u0301 [NAME_1]\u0301 😀[NAME_10]😀 \U00020000[ID_1] e\u0301[ "
    "👩\u200d⚕️[NAME_2]\ufe0f නිමල් [TEXT_1] عمر",
    "arguments": '{"who":"[NAME_1]","[ID_1]":["x [TEXT_1]\\n"],"b":"\\u005bNAME_1]","c":{"d":"[NAME_10][NAME_1"}}',
    "checkpoint": "Seen by [NAME_1] and told to rest. The bloods are fine and the scan is too; call 077 123 4567 "
    "now! Then [NAME_10].",
    "encoded": "Ask dr.who%40ward.example or &#119;ard7&#64;klinikum.intern. It was fine then, no pain at all was "
    "felt. NIC 911042754%56 and [NAME_1]",
}  # fmt: skip
LONG = {
    "every checkpoint": "The plan is clear and was discussed. Call 077 123 4567 or write to dr.who@ward.example now! "
    "Refer [NAME_1], NIC 911042754V, on 3 May 2024. No dots here just words going on " + "and on " * 30
    + "then the card 4012888888881881 and 911042754%56; see [NAME_10]\nKey AKIA0123456789ABCDEF (old). "
    + "Tel 011 234 5678? "
    + "Ana Pereira lives there. " * 5 + "[LOCATION_1",
    "no space": "Before it. " + "x" * 700 + "dr.who@ward.example" + "y" * 380 + "[NAME_1]" + "z" * 30
    + " after 077 123 4567.",
    "in base64": "Decode ZHIud2hvQHdhcmQuZXhhbXBsZSAwNzcgMTIzIDQ1Njc= and read it, then rest. " * 4 + "[NAME_1] [ID_1]",
    "scripts": "Il a été vu par Anaïs de la Cruz à Lyon le 3 mai 2024. " * 3 + "නිමල් පෙරේරා 0771234567 😀 "
    + "e\u0301" * 60 + " [NAME_2]\u0301 [TEXT_1] ５３６-９０-４３９９. " + "Ruf 030 1234567 an. " * 6,
}  # fmt: skip


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(bundled_analyst(), Switches(drop=("ward_bed",)))


@functools.cache
def vault() -> Vault:
    """One for all splits: an answer only reads it."""
    made = Vault()
    for n in range(1, 11):
        made.issue(Type.NAME, f"Person [NAME_{n}]")
    made.issue(Type.ID, "20-12345")
    made.issue(Type.TEXT, 'quote " back \\ line \n')
    made.issue(Type.PHONE, "011 234 5678")
    return made


def _restored(form: Form, chunks: Iterable[str]) -> Iterator[str]:
    restorer = Restorer(vault(), form)
    for chunk in chunks:
        yield from (piece.text.reveal() for piece in restorer.feed(chunk))
    yield from (piece.text.reveal() for piece in restorer.finish())
    yield f"|{restorer.restored} {restorer.unresolved}"


def restored_text(reader: Reader, chunks: Iterable[str]) -> Iterator[str]:
    return _restored(Form.TEXT, chunks)


def restored_json(reader: Reader, chunks: Iterable[str]) -> Iterator[str]:
    return _restored(Form.JSON, chunks)


def scanned(reader: Reader, chunks: Iterable[str]) -> Iterator[str]:
    scan = OutputScan(vault(), OutActions())
    yield from scanned_by(reader, scan, chunks)
    yield f"|{scan.counts} {scan.kept} {scan.known}"


def scanned_then_restored(reader: Reader, chunks: Iterable[str]) -> Iterator[str]:
    yield from _restored(Form.TEXT, scanned_by(reader, OutputScan(vault(), OutActions()), chunks))


def segmented(reader: Reader, chunks: Iterable[str]) -> Iterator[str]:
    for window in (20, 192, None):
        segmenter = Segmenter(window)
        chunks = list(chunks)
        for chunk in chunks:
            yield from (f"<{segment}>" for segment in segmenter.feed(chunk))
        yield from (f"<{segment}>" for segment in segmenter.finish())


def stopped(reader: Reader, chunks: Iterable[str]) -> Iterator[str]:
    chunks = list(chunks)
    for stops in (["[NAME_10]"], ["e\u0301[", "xyz", ". I"], ["\n", "[NAME_1]", "]]", "[NAME_1]0"], ["not there"]):
        scanner = StopScanner(stops)
        yield from (scanner.feed(chunk) for chunk in chunks)
        yield scanner.finish() + f"|{scanner.stopped}"


def journey(reader: Reader, chunks: Iterable[str]) -> Iterator[str]:
    """Stop strings, segments, scan, restoration: the order of the pipeline."""

    def segments() -> Iterator[str]:
        scanner, segmenter = StopScanner(["not there"]), Segmenter(192)
        for chunk in chunks:
            yield from segmenter.feed(scanner.feed(chunk))
        yield from segmenter.feed(scanner.finish())
        yield from segmenter.finish()

    yield from scanned_then_restored(reader, segments())


FILTERS: tuple[Filter, ...] = (
    restored_text, restored_json, scanned, scanned_then_restored, segmented, stopped, journey,
)  # fmt: skip


def checked(reader: Reader, filter_: Filter, text: str, parts: int) -> int:
    def whole(all_: str) -> str:
        return "".join(filter_(reader, [all_]))

    return assert_chunk_invariant(
        lambda chunks: filter_(reader, chunks), whole, text, splits="all-two-part" if parts == 2 else parts
    )


@pytest.mark.parametrize("name", [*SHORT, *LONG])
@pytest.mark.parametrize("filter_", FILTERS, ids=lambda f: f.__name__)
def test_every_split_into_two(reader: Reader, filter_: Filter, name: str) -> None:
    text = (SHORT | LONG)[name]
    assert checked(reader, filter_, text, 2) == len(text)  # whole, and every cut


@pytest.mark.parametrize("name", SHORT)
@pytest.mark.parametrize("filter_", FILTERS, ids=lambda f: f.__name__)
def test_every_split_into_three(reader: Reader, filter_: Filter, name: str) -> None:
    text = SHORT[name]
    inner = len(text) - 1
    assert checked(reader, filter_, text, 3) == 1 + inner + inner * (inner - 1) // 2


def test_the_judge_can_see_a_filter_that_depends_on_the_cut(reader: Reader) -> None:
    """A restorer that reads each chunk alone, as a naive one does."""

    def naive(chunks: Iterable[str]) -> Iterator[str]:
        return (chunk.replace("[NAME_1]", "Ana") for chunk in chunks)

    with pytest.raises(ChunkInvarianceError):
        assert_chunk_invariant(naive, lambda text: "".join(naive([text])), SHORT["adjacent"])


def test_the_analyst_was_asked_and_new_values_are_masked(reader: Reader) -> None:
    shown = "".join(scanned_then_restored(reader, [LONG["every checkpoint"]]))
    assert reader.windows
    assert not [v for v in ("077 123", "dr.who", "911042754", "4012888", "AKIA0123") if v in shown]
    assert "Person [NAME_1], NIC [ID], on 3 May 2024." in shown
    assert "011 234 5678" in shown  # a value of this exchange is not new
    unbroken = "".join(scanned_then_restored(reader, [LONG["no space"]]))
    assert "dr.who@ward" not in unbroken
    assert "077 123" not in unbroken
