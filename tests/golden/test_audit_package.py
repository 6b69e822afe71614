"""A package written once and kept: whoever changes the format or the verifier sees it here.

The package holds two days, an erasure, an anchor and an interrupted request. Its keys are public, so that another
implementation can be held against the same bytes.
"""

from pathlib import Path

import pytest

from audit.officer import Keyring, Trust
from audit.shapes import unb64
from audit.strictjson import loads
from audit.verify import Anchors, Verification, examine, plain_words, read_package

FOLDER = Path(__file__).parent / "audit"


def keyring() -> Keyring:
    body = loads((FOLDER / "keyring.json").read_bytes().rstrip(b"\n"))
    months = tuple((month, secret) for month, secret in body["months"])
    seeds = unb64(body["sign"]["seed"]), unb64(body["witness"]["seed"])
    return Keyring(body["site"], *seeds, tuple(body["recipients"]), months)


@pytest.fixture
def found() -> Verification:
    trust = Trust.parse((FOLDER / "trust.json").read_bytes())
    with (FOLDER / "package.zip").open("rb") as file:
        return examine(read_package(file), trust, keyring(), Anchors(book=((FOLDER / "anchor.note").read_bytes(),)))


def test_the_answer_is_byte_for_byte_the_same(found):
    assert found.encode() + b"\n" == (FOLDER / "verification.json").read_bytes()


def test_the_words_are_the_same(found):
    assert "\n".join(plain_words(found)) + "\n" == (FOLDER / "words.txt").read_text()


def test_it_shows_what_it_was_made_to_show(found):
    assert found.verdict == "VERIFIED WITH GAPS"
    assert [check.id for check in found.checks if check.state != "pass"] == ["V25"]
    assert found.totals["erased"] == 2
    assert found.totals["interrupted"] == 1
    assert found.independence["level"] == "I1"
    assert found.evidence_min["E0"] == 0
