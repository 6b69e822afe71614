"""IP address, version 4 or 6, with an optional port; not a version number, not a blood pressure."""

from __future__ import annotations

import ipaddress
import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_HEX = "0123456789abcdefABCDEF:"
_VERSION = re.compile(r"(?<![a-z])(?:v|ver|version|release|bp|rr|section|chapter)[ .:]{0,3}\Z", re.IGNORECASE)


def _parsed(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    if _VERSION.search(text[max(0, start - 12) : start]):
        return None
    while text[start] == ":" and start > 0 and text[start - 1] in _HEX:
        start -= 1
    while start > 0 and text[start - 1] in _HEX:
        start -= 1
    value = text[start:end]
    host = value.partition(":")[0] if "." in value and value.count(":") == 1 else value
    host = host.strip("[]").partition("%")[0]
    if start > 0 and text[start - 1].isalnum():
        return None
    if ":" in host and (len(host) < 3 or not any(c.isdigit() for c in host)):
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    return start, end, 0


RECOGNIZER = Recognizer(
    kind="ip",
    type=Type.IP,
    patterns=(
        r"\d(?<![\w.]\d)\d{0,2}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w]|\.\d)",
        r":[0-9a-f]{0,4}:[0-9a-f:]{0,40}+(?:\.\d{1,3}){0,3}(?![\w:])",
    ),
    scores=Scores(shape=700, cued=800),
    cues=("ip", "ip address", "host", "server"),
    guarded=False,
    refine=_parsed,
)

EXAMPLES = Examples(
    match=(
        "from «192.168.10.25»",
        "host «10.0.0.7:8080» down",
        "«2001:db8::8a2e:370:7334» answered",
        "«fe80::1» local",
        "IP «8.8.4.4», ping",
    ),
    no_match=("version 1.2.3.4", "BP 120.80.70.60", "12:30:45", "300.1.1.1", "1.2.3", "ratio 1:2", "v10.0.0.1"),
)
