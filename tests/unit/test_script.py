"""Scripts without measured recall are seen, Latin and the Greek letters of medicine are not."""

from __future__ import annotations

import pytest

from filters.script import uncovered


def runs(text: str) -> list[str]:
    return [text[a:b] for a, b in uncovered(text).spans]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", []),
        ("Müller, señor, Łódź, Nguyễn", []),
        ("β-blocker, μg, α1 and ΔF508", []),
        ("seen by පෙරේරා මහතා today", ["පෙරේරා මහතා"]),
        ("திரு பெரேரா came", ["திரு பெரேரா"]),
        ("مريض here", ["مريض"]),
        ("Иванов, Пётр x", ["Иванов, Пётр"]),
        ("пациент\nболен", ["пациент", "болен"]),
        ("ασθενής one", ["ασθενής"]),
        ("王先生 abc", ["王先生"]),
        ("→ ✓ 5 × 3 ½ №", []),
        ("e\u0301te\u0301", []),
    ],
)
def test_runs(text: str, found: list[str]) -> None:
    assert runs(text) == found


@pytest.mark.parametrize(
    ("text", "most"),
    [("abc", False), ("පෙරේරා", True), ("Mr පෙරේරා is here today", False), ("a Иванов", True), ("", False)],
)
def test_more_than_half(text: str, most: bool) -> None:
    assert uncovered(text).is_most is most
