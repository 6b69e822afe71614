"""Charts as inline SVG: coverage, requests and blocks, identifiers. Pure; no script, no style attributes.

Law: no colour alone carries meaning - each chart has its numbers in words beside or on it, and stretches that are gaps
are hatched, so that a black-and-white print says the same.
"""

from collections.abc import Mapping, Sequence

from audit.record import parse_time
from audit.report.html import Markup, join, tag
from audit.report.tally import Bar
from audit.strictjson import Json
from audit.words import Words, readable

__all__ = ["coverage_bar", "day_bars", "removed_bars"]

_WIDTH = 720
_NARROW = 560
"""For charts with words in them: on a telephone they shrink less."""
_GAPS = frozenset({"crashed", "cut"})


def coverage_bar(periods: Sequence[Json], words: Words) -> Markup:
    """Draw the time line; the shortest stretch is still two units wide."""
    start, end = parse_time(periods[0]["from"]), parse_time(periods[-1]["to"])
    span = max(end - start, 1)
    shapes = []
    for period in periods:
        a, b = parse_time(period["from"]), parse_time(period["to"])
        x, width = (a - start) / span * _WIDTH, max((b - a) / span * _WIDTH, 2)
        title = tag("title", _stretch(period, words))
        place: dict[str, str | float] = {
            "x": f"{min(x, _WIDTH - 2):.1f}",
            "y": 0,
            "width": f"{width:.1f}",
            "height": 30,
        }
        shapes.append(tag("rect", title, class_=f"p-{period['label']}", **place))
        if period["label"] in _GAPS:
            shapes.append(tag("rect", fill="url(#hatch)", **place))
    return _svg((_WIDTH, 30), words.say("coverage_alt"), _hatch(), *shapes)


def _stretch(period: Json, words: Words) -> str:
    span = words.say("span", start=period["from"], end=period["to"])
    return readable(f"{words.word('labels', period['label'])}: {span}")


def day_bars(bars: Sequence[Bar], words: Words) -> Markup:
    """Draw requests and blocks side by side, a number on each bar where there is room."""
    high, base, left = 120, 140, 30
    most = max(max(bar.requests, bar.blocks) for bar in bars)
    step = (_NARROW - left) / max(len(bars), 6)
    wide = min(step * 0.38, 34)
    shapes = [
        tag("line", x1=left, y1=base, x2=_NARROW, y2=base, class_="axis"),
        tag("text", most, x=left - 6, y=base - high + 8, class_="end"),
        tag("text", 0, x=left - 6, y=base, class_="end"),
    ]
    every = -(-len(bars) // 6)
    for number, bar in enumerate(bars):
        middle = left + step * (number + 0.5)
        for value, x, name in ((bar.requests, middle - wide, "requests"), (bar.blocks, middle, "blocks")):
            height = value / most * high if most else 0
            place: dict[str, str | float] = {
                "x": f"{x:.1f}",
                "y": f"{base - height:.1f}",
                "width": f"{wide:.1f}",
                "height": f"{height:.1f}",
            }
            shapes.append(
                tag("rect", tag("title", f"{bar.name}: {value} {words.say(name)}"), class_=f"b-{name}", **place)
            )
            if value and wide > 14:
                shapes.append(tag("text", value, x=f"{x + wide / 2:.1f}", y=f"{base - height - 4:.1f}", class_="mid"))
        if number % every == 0:
            shapes.append(tag("text", bar.name, x=f"{middle:.1f}", y=base + 16, class_="mid"))
    return _svg((_NARROW, base + 24), words.say("bars_alt"), _hatch(), *shapes)


def removed_bars(removed: Mapping[str, int], words: Words) -> Markup:
    """Draw one bar a kind, longest first, its words above it: they may be long in any language."""
    line, room = 36, 44
    most = max(removed.values())
    shapes = []
    for number, (kind, count) in enumerate(removed.items()):
        y = number * line
        width = max(count / most * (_NARROW - room), 2)
        shapes += [
            tag("text", words.kind(kind), x=0, y=y + 14),
            tag("rect", x=0, y=y + 19, width=f"{width:.1f}", height=11, class_="b-requests"),
            tag("text", count, x=f"{width + 6:.1f}", y=y + 29),
        ]
    return _svg((_NARROW, line * len(removed)), words.say("removed_alt"), *shapes)


def _svg(size: tuple[int, int], label: str, *children: Markup) -> Markup:
    return tag("svg", join(*children), viewBox=f"0 0 {size[0]} {size[1]}", role="img", aria_label=label, class_="chart")


def _hatch() -> Markup:
    stroke = tag("line", x1=0, y1=0, x2=0, y2=8, class_="hatch")
    size: dict[str, str | float] = {
        "width": 8,
        "height": 8,
        "patternUnits": "userSpaceOnUse",
        "patternTransform": "rotate(45)",
    }
    return tag("defs", tag("pattern", stroke, id="hatch", **size))
