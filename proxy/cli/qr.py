"""A text as a QR code, for paper and for a screen: an anchor that is carried by a camera instead of a stick.

The library belongs to the extra `officer`; without it there is no picture, and everything else works.
"""

from __future__ import annotations

import io
from importlib.util import find_spec

__all__ = ["has_qr", "qr_svg", "qr_terminal"]


def has_qr() -> bool:
    """Whether the library is installed."""
    return find_spec("segno") is not None


def qr_svg(text: str, *, scale: int = 4) -> str:
    """Return an SVG picture, white border included; empty without the library."""
    if not has_qr():
        return ""
    import segno  # only on an officer's computer

    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", scale=scale, border=4, light="#ffffff", xmldecl=False, svgns=True, omitsize=False
    )
    return out.getvalue().decode("utf-8")


def qr_terminal(text: str) -> str:
    """Return the code in half blocks, dark on light whatever the terminal's colours are; empty without the library."""
    if not has_qr():
        return ""
    import segno  # only on an officer's computer

    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, border=2, compact=True)
    return out.getvalue()
