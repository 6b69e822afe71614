"""The chart of an evaluation: well-formed, everything inside its frame, every number beside its bar."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from proxy.cli.eval_chart import chart
from proxy.exam import Accuracy

SVG = "{http://www.w3.org/2000/svg}"
TOPICS = ("all questions", "fever & pain", "infectious diseases and tropical medicine")


def _drawn(names: tuple[str, ...]) -> ET.Element:
    found = {topic: Accuracy(3, 4, 0.301, 0.954) for topic in TOPICS}
    return ET.fromstring(chart("<ward>: right answers", [(name, found) for name in names]))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_everything_is_inside_and_nothing_lies_on_another(count: int) -> None:
    names = tuple(f"medgemma-1.5-4b-it number {n}, replaced" for n in range(count))
    image = _drawn(names)
    width, height = int(image.attrib["width"]), int(image.attrib["height"])
    texts = [t for t in image.iter(f"{SVG}text") if t.get("text-anchor") is None]
    for text in texts:
        assert float(text.attrib["x"]) + 7 * len("".join(text.itertext())) <= width + 40
        assert 0 < float(text.attrib["y"]) < height
    bars = [r for r in image.iter(f"{SVG}rect") if r.get("height") == "17"]
    assert len(bars) == count * len(TOPICS)
    tops = [float(bar.attrib["y"]) for bar in bars]
    assert tops == sorted(set(tops))
    keys = [float(r.attrib["y"]) for r in image.iter(f"{SVG}rect") if r.get("height") == "12"]
    assert len(keys) == count
    assert max(keys) + 12 < min(tops)


def test_numbers_stand_beside_the_bars_and_names_are_text() -> None:
    words = "".join(_drawn(("one", "two")).itertext())
    assert words.count("75 % (30 to 95)") == 2 * len(TOPICS)
    assert "<ward>: right answers" in words
    assert "fever & pain" in words
