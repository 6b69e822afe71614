"""Section 3 of the report, second half: what the service measured of its own network, in words. Pure.

Law: levels and reasons are computed from the facts of each record, as everywhere; a record's own word is not repeated.
Consecutive records that found the same are one row, over several starts, too: what was off between is drawn above.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from audit.evidence import assess
from audit.export.dossier import Dossier
from audit.report.happened import moment, table
from audit.report.html import Markup, join, tag
from audit.strictjson import Json
from audit.words import Words

__all__ = ["network_table"]

_COLUMNS = ("time", "level", "found", "service")
_OUT, _CALLERS = "systemd:cordon.service:IPEgressBytes", "systemd:cordon.socket:IPEgressBytes"
_MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class _Seen:
    """One evidence record, and what its facts amount to."""

    body: Json
    level: str
    reasons: tuple[str, ...]
    run: int
    """Which start it belongs to."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """At that start."""

    def same(self) -> tuple[object, ...]:
        """What makes a new row when it changes."""
        return self.level, self.reasons, self.body["unit"], self.body.get("engine_addr")


def network_table(dossier: Dossier, words: Words) -> Markup:
    """Write the table; nothing where there is no evidence."""
    rows = [_row(list(group), words) for _, group in groupby(_seen(dossier), _Seen.same)]
    if not rows:
        return Markup()
    pieces = [tag("p", words.word("network", "intro"), class_="quiet")]
    pieces.append(table([words.word("network", f"c_{name}") for name in _COLUMNS], rows[-_MOST_ROWS:]))
    if len(rows) > _MOST_ROWS:
        pieces.append(tag("p", words.word("network", "cut").format(n=len(rows) - _MOST_ROWS), class_="small quiet"))
    return join(*pieces)


def _seen(dossier: Dossier) -> Iterator[_Seen]:
    filters: Mapping[str, str] = {}
    first: Json | None = None
    run = 0
    for kind, body in dossier.records.values():
        if kind == "S":
            filters, first, run = body["filters"], None, run + 1
        elif kind == "E":
            first = first or body
            found = assess(body, filters, first=first)
            counted = {item["src"]: item["value"] for item in first["counters"] if item["src"] in (_OUT, _CALLERS)}
            yield _Seen(body, found.level, found.reasons, run, counted)


def _row(group: Sequence[_Seen], words: Words) -> tuple[Markup | str, ...]:
    one, bodies = group[0], [seen.body for seen in group]
    starts = len({seen.run for seen in group})
    ends = [tag("div", moment(bodies[0]["window"]["from"])), tag("div", moment(bodies[-1]["window"]["to"]))]
    if starts > 1:
        ends.append(tag("div", words.word("network", "starts").format(n=starts), class_="small quiet"))
    found = " ".join(_found(group, bodies, words))
    return join(*ends), words.word("levels", one.level), found, _service(one.body, words)


def _found(group: Sequence[_Seen], bodies: Sequence[Json], words: Words) -> Iterator[str]:
    one, procs = group[0], group[0].body["procs"]
    tests = sum(len(proc["controls"]) for body in bodies for proc in body["procs"])
    failed = [code for code in one.reasons if code.startswith("control:")]
    yield words.word("network", "some_open" if failed else "all_refused").format(
        n=tests, procs=len(procs), failed=", ".join(code.partition(":")[2] for code in failed)
    )
    yield from (words.word("network_reasons", code) for code in one.reasons if code not in failed)
    if "netns-shared" not in one.reasons:
        yield words.word("network", "own_network")
    if _OUT in one.counted:
        out = max(seen.counted.get(_OUT, 0) for seen in group)
        yield words.word("network", "counted").format(out=out, callers=group[-1].counted.get(_CALLERS, 0))
    callers = sum(body["loopback"]["accepted"] for body in bodies)
    strangers = sum(body["loopback"]["non_loopback"] for body in bodies)
    yield words.word("network", "strangers" if strangers else "callers").format(n=callers, strangers=strangers)


def _service(body: Json, words: Words) -> str:
    name, _, digest = body["unit"].partition(" ")
    text = "user" if name == "none" else "unit"
    said = [words.word("network", text).format(digest=digest[:8])]
    if body["engine"] == "http":
        said.append(words.word("network", "server").format(address=body.get("engine_addr", "-")))
    return " ".join(said)
