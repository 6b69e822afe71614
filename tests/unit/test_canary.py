"""A detector that does not find its own examples is named."""

from __future__ import annotations

from filters.canary import failing
from filters.findings import Source, Type
from filters.recognizers import catalogue
from filters.scan import Hit, Scanner

ENTRIES = catalogue()
SCANNER = Scanner(entry.recognizer for entry in ENTRIES)


def test_all_is_well() -> None:
    assert failing(SCANNER.hits, ENTRIES, None) is None


def test_a_deaf_recognizer_is_named() -> None:
    deaf = Scanner(entry.recognizer for entry in ENTRIES if entry.recognizer.kind != "sg_nric")
    assert failing(deaf.hits, ENTRIES, None) == "sg_nric"


def test_a_model_must_see_a_person() -> None:
    def sees(text: str) -> list[Hit]:
        at = max(text.find("Smith"), 0)
        return [Hit(at, at + 5, Type.NAME, "person", 900, 8, False, Source.NER)]

    assert failing(SCANNER.hits, ENTRIES, sees) is None
    assert failing(SCANNER.hits, ENTRIES, lambda _: []) == "clinical_ner"


def test_a_span_beside_the_value_is_not_enough() -> None:
    def shifted(text: str) -> list[Hit]:
        return [Hit(h.start + 1, h.end + 1, h.type, h.kind, h.score, h.rank, h.cued) for h in SCANNER.hits(text)]

    assert failing(shifted, ENTRIES, None) is not None
