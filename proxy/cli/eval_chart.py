"""The bar chart of `cordon eval`: one group a topic, one bar a result, a whisker for the interval. SVG, drawn here.

Law: no script, no font and no address in it; colours that differ in lightness too; every bar has its number beside it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from proxy.exam import Accuracy

__all__ = ["chart"]

_COLOURS = ("#1f5a92", "#e08a1e", "#5b8c3a", "#7a4fa3")
_LEFT, _PLOT, _RIGHT, _BAR, _GAP = 210, 460, 150, 20, 16
_LEGEND, _ROW, _CHAR = 52, 20, 8
"""Of the legend: where its first line stands, how high a line is, and how wide a character may be."""
_INK, _SOFT = "#1b1b1f", "#5c5f66"


def chart(title: str, results: Sequence[tuple[str, Mapping[str, Accuracy]]]) -> str:
    """Draw results that share their topics."""
    topics = list(results[0][1])
    group = _BAR * len(results) + _GAP
    width = _LEFT + _PLOT + _RIGHT
    legend, top = _legend([name for name, _ in results], width)
    height = top + group * len(topics) + 48
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{_safe(title)}">',
        '<g font-family="system-ui,sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="20" y="28" font-size="17" font-weight="600" fill="{_INK}">{_safe(title)}</text>',
    ]
    lines += legend
    lines += _grid(top, height)
    for row, topic in enumerate(topics):
        y = top + row * group
        middle = y + _BAR * len(results) / 2 + 4
        of = results[0][1][topic].of
        lines.append(
            f'<text x="{_LEFT - 12}" y="{middle:.0f}" text-anchor="end" fill="{_INK}">{_safe(_short(topic))} '
            f'<tspan fill="{_SOFT}">({of})</tspan></text>'
        )
        for number, (_, found) in enumerate(results):
            lines += _bar(found[topic], y + number * _BAR, _COLOURS[number % len(_COLOURS)])
    foot = "Share of right answers; the whisker is the 95 % interval (Wilson). In brackets: questions."
    lines.append(f'<text x="20" y="{height - 14}" fill="{_SOFT}" font-size="12">{foot}</text></g></svg>')
    return "\n".join(lines) + "\n"


def _legend(names: Sequence[str], width: int) -> tuple[list[str], int]:
    """The names of the results, in as many lines as they need, and where the plot begins below them."""
    lines, x, y = list[str](), 20, _LEGEND
    for number, name in enumerate(names):
        wide = 40 + _CHAR * len(name)
        if x > 20 and x + wide > width:
            x, y = 20, y + _ROW
        colour = _COLOURS[number % len(_COLOURS)]
        lines.append(f'<rect x="{x}" y="{y - 11}" width="12" height="12" rx="2" fill="{colour}"/>')
        lines.append(f'<text x="{x + 18}" y="{y}" fill="{_INK}">{_safe(name)}</text>')
        x += wide
    return lines, y + 38


def _grid(top: int, height: int) -> list[str]:
    lines = []
    for percent in range(0, 101, 25):
        x = _LEFT + _PLOT * percent / 100
        lines.append(f'<line x1="{x}" y1="{top - 6}" x2="{x}" y2="{height - 40}" stroke="#d9dbe0"/>')
        lines.append(
            f'<text x="{x}" y="{top - 10}" text-anchor="middle" font-size="11" fill="{_SOFT}">{percent} %</text>'
        )
    return lines


def _bar(found: Accuracy, y: float, colour: str) -> list[str]:
    middle = y + _BAR / 2 - 1
    low, high = _LEFT + _PLOT * found.low, _LEFT + _PLOT * found.high
    words = f"{100 * found.share:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"
    whisker = f"M{low:.1f} {middle:.1f}H{high:.1f}" + "".join(f"M{x:.1f} {middle - 4:.1f}v8" for x in (low, high))
    wide, high_px = _PLOT * found.share, _BAR - 3
    return [
        f'<rect x="{_LEFT}" y="{y:.1f}" width="{wide:.1f}" height="{high_px}" rx="2" fill="{colour}"/>',
        f'<path d="{whisker}" stroke="#ffffff" stroke-width="4.5" fill="none"/>',  # seen on a dark bar too
        f'<path d="{whisker}" stroke="{_INK}" stroke-width="1.5" fill="none"/>',
        f'<text x="{_LEFT + _PLOT + 12}" y="{middle + 5:.1f}" fill="{_INK}">{words}</text>',
    ]


def _short(topic: str) -> str:
    return topic if len(topic) <= 22 else f"{topic[:21]}…"


def _safe(text: str) -> str:
    return html.escape(text, quote=True)
