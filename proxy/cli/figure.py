"""Two panels of a calibration as one SVG: ROC and precision-recall curves, with the chosen thresholds on them.

Law: curves in, bytes out; the same curves give the same bytes. A line is told apart by colour and by its dashes (the
colours of Okabe and Ito, which people who see red and green alike can tell apart), and every number stands as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from policies.curves import Curve
from policies.model import Threshold

__all__ = ["figure"]

_WIDTH, _HEIGHT = 980, 660
_SIDE, _TOP = 360, 76
_LEFTS = (76, 560)
_STYLES: Mapping[str, tuple[str, str]] = {
    "dangerous": ("#d55e00", ""),
    "harassment": ("#0072b2", "9 4"),
    "hate": ("#009e73", "3 3"),
    "sexual": ("#a8498f", "12 3 3 3"),
    "any": ("#222222", ""),
}
_OTHER = ("#777777", "1 3")
_TITLE, _STRONG, _SMALL = 'font-size="17" font-weight="600"', 'font-weight="600"', 'font-size="12"'
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST_POINTS = 600
"""A curve of thousands of points looks the same with every n-th of them."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """One square with its two axes."""

    left: int
    title: str
    across: str
    up: str

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a pair of rates stands."""
        return self.left + x * _SIDE, _TOP + (1 - y) * _SIDE


_ROC = _Panel(_LEFTS[0], "ROC", "safe rows reached (false-positive rate)", "unsafe rows reached (recall)")
_PR = _Panel(_LEFTS[1], "Precision and recall", "unsafe rows reached (recall)", "unsafe among rows reached (precision)")


def figure(title: str, curves: Sequence[Curve], thresholds: Sequence[Threshold]) -> bytes:
    """Return one picture of the curves of one direction."""
    own = {t.policy: t for t in thresholds if curves and t.direction is curves[0].direction}
    parts = [*_frame(_ROC), *_frame(_PR), *_chance()]
    for curve in curves:
        parts += [_line(curve, [(x, y) for _, x, y, _ in curve.points], _ROC, start=(0.0, 0.0))]
        parts += [_line(curve, [(x, y) for _, _, x, y in curve.points], _PR, start=None)]
    for curve in curves:
        if curve.guideline in own:
            parts += _marks(curve, own[curve.guideline])
    parts += _legend(curves, own)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="#222222" role="img" aria-label="{escape(title)}">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
    )
    return "\n".join([head, _text(_LEFTS[0], 34, title, style=_TITLE), *parts, "</svg>", ""]).encode()


def _frame(panel: _Panel) -> Iterator[str]:
    yield _text(panel.left, _TOP - 12, panel.title, style=_STRONG)
    for tick in _TICKS:
        x, y = panel.place(tick, tick)
        yield f'<path d="M{x:.1f} {_TOP}v{_SIDE}M{panel.left} {y:.1f}h{_SIDE}" stroke="#dddddd" fill="none"/>'
        yield _text(x, _TOP + _SIDE + 18, f"{tick:g}", anchor="middle")
        yield _text(panel.left - 8, y + 4, f"{tick:g}", anchor="end")
    yield f'<rect x="{panel.left}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#666666"/>'
    yield _text(panel.left + _SIDE / 2, _TOP + _SIDE + 40, panel.across, anchor="middle")
    x, y = panel.left - 48, _TOP + _SIDE / 2
    yield f'<g transform="rotate(-90 {x} {y:.1f})">{_text(x, y, panel.up, anchor="middle")}</g>'


def _chance() -> Iterator[str]:
    (x1, y1), (x2, y2) = _ROC.place(0, 0), _ROC.place(1, 1)
    yield f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#bbbbbb" stroke-dasharray="2 4" fill="none"/>'


def _line(curve: Curve, pairs: list[tuple[float, float]], panel: _Panel, *, start: tuple[float, float] | None) -> str:
    if not curve.unsafe or not curve.safe:
        return ""
    colour, dashes = _STYLES.get(curve.guideline, _OTHER)
    every = max(1, len(pairs) // _MOST_POINTS)
    kept = [*([start] if start else []), *pairs[:-1:every], *pairs[-1:]]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in (panel.place(*pair) for pair in kept))
    width = 1.4 if curve.guideline == "any" else 2.2
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="M{path}" stroke="{colour}" stroke-width="{width}" fill="none" stroke-linejoin="round"{dash}/>'


def _marks(curve: Curve, threshold: Threshold) -> Iterator[str]:
    """A ring where a score flags, a dot where it refuses."""
    colour, _ = _STYLES.get(curve.guideline, _OTHER)
    for at, fill in ((threshold.flag, "#ffffff"), (threshold.block, colour)):
        hit, caught, precise = curve.at(at)
        for x, y in (_ROC.place(hit, caught), _PR.place(caught, precise)):
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}" stroke="{colour}" stroke-width="2"/>'


def _legend(curves: Iterable[Curve], own: Mapping[str, Threshold]) -> Iterator[str]:
    x, line = _LEFTS[0], _TOP + _SIDE + 72
    for curve in curves:
        colour, dashes = _STYLES.get(curve.guideline, _OTHER)
        stroke = f'stroke="{colour}" stroke-width="2.2" stroke-dasharray="{dashes or "none"}"'
        yield f'<path d="M{x} {line - 4}h34" {stroke}/>'
        yield _text(x + 44, line, _words(curve, own.get(curve.guideline)))
        line += 22
    yield _text(x, line + 8, "A ring: from here on a score flags. A dot: from here on it refuses.", style=_SMALL)


def _words(curve: Curve, threshold: Threshold | None) -> str:
    if not curve.unsafe or not curve.safe:
        return f"{curve.guideline}: no curve ({curve.unsafe} unsafe, {curve.safe} safe rows)"
    chosen = f"; flag {threshold.flag / 10_000:.4f}, block {threshold.block / 10_000:.4f}" if threshold else ""
    rows = f"{curve.unsafe:,} unsafe and {curve.safe:,} safe rows"
    areas = f"area under ROC {curve.auc:.3f}, average precision {curve.average_precision:.3f}"
    return f"{curve.guideline}: {areas}; {rows}{chosen}"


def _text(x: float, y: float, words: str, *, anchor: str = "start", style: str = 'font-size="13"') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {style}>{escape(words)}</text>'
