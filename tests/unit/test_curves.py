"""Curves and rates of scored rows: by hand where it can be done by hand, and sound on noise."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.calibrate import Row
from policies.curves import Curve, curve_of, rates_of
from policies.model import Direction, Threshold
from proxy.cli.figure import figure

P, R = Direction.PROMPT, Direction.RESPONSE
IDS = ("hate", "sexual")


def row(
    hate: int, *, unsafe: bool, policy: str = "hate", medical: bool = False, sexual: int = 0, way: Direction = P
) -> Row:
    return Row(f"{hate}{unsafe}", way, unsafe, policy if unsafe else "", medical, (("hate", hate), ("sexual", sexual)))


ROWS = [row(9000, unsafe=True), row(6000, unsafe=True), row(3000, unsafe=True), row(7000, unsafe=False, medical=True),
        row(1000, unsafe=False, medical=True), row(500, unsafe=False)]  # fmt: skip


def test_a_curve_by_hand() -> None:
    curve = curve_of(ROWS, "hate", P, IDS)
    assert (curve.unsafe, curve.safe) == (3, 3)
    assert [point[0] for point in curve.points] == [9000, 7000, 6000, 3000, 1000, 500]
    assert curve.points[2] == (6000, pytest.approx(1 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert curve.points[-1][1:3] == (1.0, 1.0)
    assert curve.auc == pytest.approx(7 / 9)  # of nine pairs, seven are in order
    assert curve.average_precision == pytest.approx(1 / 3 + 2 / 9 + 1 / 4)
    assert curve.at(6500) == (pytest.approx(1 / 3), pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert curve.at(10_000) == (0.0, 0.0, 1.0)


def test_any_is_the_highest_score_of_every_unsafe_row_in_scope() -> None:
    rows = [*ROWS, row(0, unsafe=True, policy="sexual", sexual=8000), row(0, unsafe=True, policy="fraud", sexual=9999)]
    curve = curve_of(rows, "any", P, IDS)
    assert (curve.unsafe, curve.safe) == (4, 3)
    assert curve.at(8000)[1] == pytest.approx(2 / 4)
    assert curve_of(rows, "sexual", P, IDS).unsafe == 1


def test_a_direction_is_by_itself_and_may_be_empty() -> None:
    curve = curve_of(ROWS, "hate", R, IDS)
    assert (curve.unsafe, curve.safe, curve.points, curve.auc) == (0, 0, (), 0.0)


def test_rates_have_counts_and_intervals() -> None:
    thresholds = [Threshold("hate", P, 4000, 6000), Threshold("sexual", P, 9000, 9000), Threshold("hate", R, 1, 1)]
    found = {rates.name: rates for rates in rates_of(ROWS, thresholds, block=True)}
    assert list(found) == ["hate/prompt", "sexual/prompt", "any/prompt", "hate/response", "any/response"]
    hate = found["hate/prompt"]
    assert (hate.unsafe, hate.medical, hate.other) == (3, 2, 1)
    assert (hate.caught[0], hate.medical_hit[0], hate.other_hit[0]) == (0.6667, 0.5, 0.0)
    assert hate.caught[1] < hate.caught[0] < hate.caught[2]
    assert found["sexual/prompt"].unsafe == 0
    assert found["any/response"].caught == (0.0, 0.0, 1.0)
    flagged = {rates.name: rates for rates in rates_of(ROWS, thresholds, block=False)}
    assert flagged["hate/prompt"].medical_hit[0] == 0.5


_ROWS = st.lists(st.tuples(st.integers(0, 10_000), st.booleans()), min_size=1, max_size=80)


@given(_ROWS)
def test_curves_rise_and_areas_are_areas(pairs: list[tuple[int, bool]]) -> None:
    curve = curve_of([row(score, unsafe=bad) for score, bad in pairs], "hate", P, IDS)
    for one, two in pairwise(curve.points):
        assert one[0] > two[0]
        assert one[1] <= two[1]
        assert one[2] <= two[2]
    assert 0 <= curve.auc <= 1.0000001
    assert 0 <= curve.average_precision <= 1.0000001
    bad, good = [s for s, b in pairs if b], [s for s, b in pairs if not b]
    if bad and good:
        wins = sum((b > g) + 0.5 * (b == g) for b in bad for g in good)
        assert curve.auc == pytest.approx(wins / len(bad) / len(good))


# ---- the picture -------------------------------------------------------------------------------------------------


def _texts(svg: bytes) -> list[str]:
    return [str(node.text) for node in ET.fromstring(svg.decode()).iter() if node.tag.endswith("text")]


def test_the_picture_says_every_number_and_is_the_same_each_time() -> None:
    curves = [curve_of(ROWS, guideline, P, IDS) for guideline in (*IDS, "any")]
    drawn = figure("Guard <x>", curves, [Threshold("hate", P, 4000, 6000)])
    assert drawn == figure("Guard <x>", curves, [Threshold("hate", P, 4000, 6000)])
    texts = _texts(drawn)
    assert "Guard <x>" in texts
    assert (
        "hate: area under ROC 0.778, average precision 0.806; 3 unsafe and 3 safe rows; flag 0.4000, block 0.6000"
        in texts
    )
    assert "sexual: no curve (0 unsafe, 3 safe rows)" in texts
    circles = [node for node in ET.fromstring(drawn.decode()).iter() if node.tag.endswith("circle")]
    assert len(circles) == 4  # flag and block, in two panels


def test_everything_stands_inside_the_picture() -> None:
    many = tuple((10_000 - n, n / 9999, min(1.0, n / 3000), 0.5) for n in range(10_000))
    drawn = figure("t", [Curve("hate", P, 5, 5, many)], [Threshold("hate", P, 1, 10_000)])
    assert len(drawn) < 60_000  # thousands of points are thinned
    root = ET.fromstring(drawn.decode())
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for node in root.iter():
        for name, limit in (("cx", width), ("cy", height), ("x", width), ("y", height)):
            if name in node.attrib:
                assert 0 <= float(node.attrib[name]) <= limit


def test_no_rows_no_lines() -> None:
    assert b"no curve" in figure("t", [Curve("hate", P, 0, 3, ())], [])
