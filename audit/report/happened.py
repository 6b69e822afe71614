"""What happened and what went wrong: sections 4 and 5 of the report, and the records behind each number. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from audit.export.columns import Exchange
from audit.report.charts import day_bars, removed_bars
from audit.report.html import Markup, join, tag
from audit.report.tally import Tally, ranges
from audit.verify import Verification, plain_words
from audit.words import ENGLISH, Words, readable

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


def numbers_of(counted: Tally, words: Words) -> tuple[Number, ...]:
    """Return the numbers in the order of the page."""
    requests = counted.requests
    listed = [Number("requests", words.say("n_requests"), len(requests), requests)]
    for result in (*_ALWAYS, *_IF_ANY):
        found = counted.results.get(result, ())
        if found or result in _ALWAYS:
            listed.append(Number(f"result-{result}", words.word("results", result), counted.number(result), found))
    listed.append(Number("flagged", words.say("n_flagged"), len(counted.flagged), counted.flagged))
    count = sum(counted.removed.values())
    listed.append(Number("removed", words.say("n_removed"), count, counted.removed_in))
    return tuple(listed)


def happened_section(counted: Tally, numbers: Sequence[Number], reasons: Mapping[str, str], words: Words) -> Markup:
    """Tiles, requests per day, refusals by reason, identifiers by kind."""
    say = words.say
    tiles = [tag("div", _linked(number), tag("small", number.words), class_="tile") for number in numbers]
    pieces = [tag("h2", say("h_happened")), tag("div", *tiles, class_="tiles")]
    if counted.bars:
        swatches = [_swatch(f"b-{name}", say(name)) for name in ("requests", "blocks")]
        heading = say("per_month" if counted.by_month else "per_day")
        legend = tag("div", *swatches, class_="legend")
        pieces.append(tag("div", tag("h3", heading), legend, day_bars(counted.bars, words), class_="keep"))
    if counted.reasons:
        pieces += [tag("h3", say("h_reasons")), _reasons(counted, reasons, words)]
    removed = removed_bars(counted.removed, words) if counted.removed else tag("p", say("nothing_removed"))
    return join(*pieces, tag("div", tag("h3", say("removed")), removed, class_="keep"))


def _reasons(counted: Tally, reasons: Mapping[str, str], words: Words) -> Markup:
    dash = words.say("dash")
    rows = [
        (_reason(code, reasons, words), rule or "-", sum(e.count for e in found), ranges((e.seq for e in found), dash))
        for (code, rule), found in counted.reasons.items()
    ]
    headers = [words.say(name) for name in ("c_reason", "c_rule", "c_number", "c_records")]
    return table(headers, rows, numbers=(2,))


def _reason(code: str, reasons: Mapping[str, str], words: Words) -> str:
    """Return the sentence of a code: translated, else as the service says it, else the code itself."""
    own = words.word("reasons", code)
    return own if own != code else reasons.get(code, code)


def exceptions_section(
    found: Verification, counted: Tally, reasons: Mapping[str, str], words: Words = ENGLISH
) -> Markup:
    """Checks that do not hold, then requests that did not end as they should."""
    say = words.say
    pieces = [tag("h2", say("h_exceptions")), tag("p", say("exceptions"), class_="quiet")]
    failing = [line for line in plain_words(found, words.texts()) if line[:1] == "V" and line[1:3].isdigit()]
    if not failing and not counted.exceptions:
        pieces.append(tag("p", say("no_exceptions")))
    if failing:
        pieces.append(tag("ul", *(tag("li", readable(line)) for line in failing)))
    if counted.exceptions:
        shown = counted.exceptions[:_SHOWN]
        rows = [
            (e.seq, moment(e.begin.get("t", e.hour)), words.word("results", e.result),
             _reason(e.code, reasons, words) or "-")
            for e in shown
        ]  # fmt: skip
        values = {"shown": len(shown), "all": len(counted.exceptions), "filter": say("exception_filter")}
        pieces += [
            table([say(name) for name in ("c_record", "c_time", "c_result", "c_reason")], rows),
            tag("p", say("showing", **values), class_="small quiet"),
        ]
    return join(*pieces)


def proof_section(numbers: Sequence[Number], counted: Tally, words: Words) -> Markup:
    """List the records behind each number, all of them."""
    say, dash = words.say, words.say("dash")
    rows = [
        (tag("span", n.words, id=f"n-{n.id}"), n.count, ranges((e.seq for e in n.exchanges), dash) or "-")
        for n in numbers
    ]
    rows += [
        (tag("span", say("replaced", kind=words.kind(kind))), count, ranges(_with(kind, counted.removed_in), dash))
        for kind, count in counted.removed.items()
    ]
    headers = [say(name) for name in ("c_number", "c_counted", "c_records")]
    return join(tag("h2", say("evidence_list"), class_="annex"), table(headers, rows, numbers=(1,)))


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
