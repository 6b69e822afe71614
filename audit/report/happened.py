"""What happened and what went wrong: sections 4 and 5 of the report, and the records behind each number. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from audit.export.columns import Exchange
from audit.report.charts import day_bars, removed_bars
from audit.report.html import Markup, join, tag
from audit.report.tally import Tally, ranges
from audit.verify import Verification, plain_words
from audit.words import kind_words, readable, say, word

__all__ = ["Number", "exceptions_section", "happened_section", "moment", "numbers_of", "proof_section", "table"]

_SHOWN = 20
_ALWAYS = ("ok", "refused", "blocked")
_IF_ANY = ("failed", "timeout", "cancelled", "interrupted", "open", "erased", "purged", "unreadable")


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the report: where it is explained, what it counts, and the exchanges behind it."""

    id: str
    words: str
    count: int
    exchanges: tuple[Exchange, ...]


def numbers_of(counted: Tally) -> tuple[Number, ...]:
    """Return the numbers in the order of the page."""
    requests = counted.requests
    listed = [Number("requests", "requests to a model", len(requests), requests)]
    for result in (*_ALWAYS, *_IF_ANY):
        found = counted.results.get(result, ())
        if found or result in _ALWAYS:
            listed.append(Number(f"result-{result}", word("results", result), counted.number(result), found))
    listed.append(Number("flagged", "flagged for safety", len(counted.flagged), counted.flagged))
    count = sum(counted.removed.values())
    listed.append(Number("removed", "identifiers replaced", count, counted.removed_in))
    return tuple(listed)


def happened_section(counted: Tally, numbers: Sequence[Number], reasons: Mapping[str, str]) -> Markup:
    """Tiles, requests per day, refusals by reason, identifiers by kind."""
    tiles = [tag("div", _linked(number), tag("small", number.words), class_="tile") for number in numbers]
    pieces = [tag("h2", "4. What happened"), tag("div", *tiles, class_="tiles")]
    if counted.bars:
        legend = tag("div", _swatch("b-requests", "requests"), _swatch("b-blocks", "blocks"), class_="legend")
        heading = say("per_month" if counted.by_month else "per_day")
        pieces.append(tag("div", tag("h3", heading), legend, day_bars(counted.bars), class_="keep"))
    if counted.reasons:
        pieces += [tag("h3", "Refusals and failures by reason"), _reasons(counted, reasons)]
    removed = removed_bars(counted.removed) if counted.removed else tag("p", say("nothing_removed"))
    return join(*pieces, tag("div", tag("h3", say("removed")), removed, class_="keep"))


def _reasons(counted: Tally, reasons: Mapping[str, str]) -> Markup:
    rows = [
        (reasons.get(code, code), rule or "-", sum(e.count for e in found), ranges(e.seq for e in found))
        for (code, rule), found in counted.reasons.items()
    ]
    return table(("Reason", "Rule of the policy", "Number", "Records"), rows, numbers=(2,))


def exceptions_section(found: Verification, counted: Tally, reasons: Mapping[str, str]) -> Markup:
    """Checks that do not hold, then requests that did not end as they should."""
    pieces = [tag("h2", "5. Exceptions"), tag("p", say("exceptions"), class_="quiet")]
    failing = [line for line in plain_words(found) if line[:1] == "V" and line[1:3].isdigit()]
    if not failing and not counted.exceptions:
        pieces.append(tag("p", say("no_exceptions")))
    if failing:
        pieces.append(tag("ul", *(tag("li", readable(line)) for line in failing)))
    if counted.exceptions:
        shown = counted.exceptions[:_SHOWN]
        rows = [
            (e.seq, moment(e.begin.get("t", e.hour)), word("results", e.result), reasons.get(e.code, e.code) or "-")
            for e in shown
        ]
        words = {"shown": len(shown), "all": len(counted.exceptions), "filter": say("exception_filter")}
        pieces += [
            table(("Record", "Time", "Result", "Reason"), rows),
            tag("p", say("showing", **words), class_="small quiet"),
        ]
    return join(*pieces)


def proof_section(numbers: Sequence[Number], counted: Tally) -> Markup:
    """List the records behind each number, all of them."""
    rows = [
        (tag("span", number.words, id=f"n-{number.id}"), number.count, ranges(e.seq for e in number.exchanges) or "-")
        for number in numbers
    ]
    rows += [
        (tag("span", f"replaced: {kind_words(kind)}"), count, ranges(_with(kind, counted.removed_in)))
        for kind, count in counted.removed.items()
    ]
    return join(
        tag("h2", say("evidence_list"), class_="annex"),
        table(("Number", "Counted", "Records"), rows, numbers=(1,)),
    )


def _with(kind: str, exchanges: Iterable[Exchange]) -> Iterator[int]:
    return (exchange.seq for exchange in exchanges if kind in exchange.removed)


def _linked(number: Number) -> Markup:
    return tag("a", number.count, href=f"#n-{number.id}")


def _swatch(name: str, words: str) -> Markup:
    square = tag("rect", width=14, height=14, class_=name)
    return tag("span", tag("svg", square, viewBox="0 0 14 14", aria_hidden="true"), words)


def moment(t: str) -> Markup:
    """Write a time of a record; it does not break over lines."""
    return tag("time", readable(t), class_="nowrap")


def table(headers: Sequence[str], rows: Iterable[Sequence[str | int]], numbers: Sequence[int] = ()) -> Markup:
    """Write a table; `numbers` are the columns set to the right."""
    head = [tag("th", h, class_="num" if at in numbers else "text", scope="col") for at, h in enumerate(headers)]
    body = [
        tag("tr", *(tag("td", cell, class_="num" if at in numbers else "text") for at, cell in enumerate(row)))
        for row in rows
    ]
    return tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
