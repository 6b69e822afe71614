"""The report: one self-contained HTML page, no script, nothing loaded, ready for print. Pure.

Order: is it verified, for what, with what gaps; what happened; exceptions; changes and who approved; what it does not
show; the legal map of one country; signature. Every number is counted here from verified records and links to them.

    page(dossier, Made("Cordon 0.1.0", "2026-11-21"), reasons, country="lk") -> bytes
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources

from audit.export.columns import code_of, exchanges, workstation
from audit.export.dossier import Dossier, note_of
from audit.history import ACCESS, digests_of
from audit.record import parse_time
from audit.report.charts import coverage_bar
from audit.report.happened import exceptions_section, happened_section, moment, numbers_of, proof_section, table
from audit.report.html import Markup, join, tag
from audit.report.legal import legal_map
from audit.report.tally import Tally, ranges, tally
from audit.strictjson import Json
from audit.verify import Verification, plain_words, texts
from audit.words import readable, say, word

__all__ = ["Made", "page"]

_COLOURS = {"VERIFIED": "good", "VERIFIED WITH GAPS": "warn", "NOT VERIFIED": "bad", "CANNOT TELL": "cold"}
_STATES = {"pass": "holds", "gap": "gap", "unknown": "cannot tell", "fail": "DOES NOT HOLD", "not_run": "not run"}


@dataclass(frozen=True, slots=True)
class Made:
    """Who wrote the page, and when."""

    by: str
    at: str


def page(dossier: Dossier, made: Made, reasons: Mapping[str, str], country: str = "") -> bytes:
    """Return the page. `reasons`: code of a refusal -> a sentence; `country`: whose law is mapped."""
    counted = tally(exchanges(dossier))
    body = [_head(dossier, made), _verdict(dossier)]
    if dossier.code:
        numbers = numbers_of(counted)
        body += [
            _cards(dossier),
            _coverage(dossier.found),
            happened_section(counted, numbers, reasons),
            exceptions_section(dossier.found, counted, reasons),
            _changes(dossier, counted),
            _retention(dossier),
        ]
    else:
        numbers = ()
        body += [tag("p", say("broken")), exceptions_section(dossier.found, counted, reasons)]
    body += [_not_shown(), _law(country), _sign(dossier)]
    body.append(proof_section(numbers, counted) if numbers else Markup())
    body.append(_checks(dossier.found))
    return _document(join(*body))


def _document(body: Markup) -> bytes:
    """Close the page to everything but its own style, which is named by its digest."""
    style = Markup(resources.files("audit.report").joinpath("style.css").read_text("utf-8"))
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>'),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", say("title")),
        tag("style", style),
    )
    html = tag("html", head, tag("body", tag("main", body)), lang="en")
    return f"<!doctype html>\n{html}\n".encode()


# --- 1 to 3: verified, for what, with what gaps


def _head(dossier: Dossier, made: Made) -> Markup:
    found = dossier.found
    first, last = found.range
    computer = f"{workstation(found.origin)}, of {found.origin.partition('/')[0]}" if found.origin else "not known"
    times = [body["t"] for _, body in dossier.records.values() if "t" in body]
    rows: list[tuple[str, str]] = [("Computer", computer)]
    if dossier.code:
        rows.append(("Records", say("range", first=first, last=last, size=found.size)))
    if times:
        rows.append(("From", readable(min(times, key=parse_time))))
        rows.append(("To", readable(max(times, key=parse_time))))
    rows.append(("This page", readable(say("made", by=made.by, at=made.at))))
    lines = [tag("tr", tag("td", name, class_="key quiet"), tag("td", text)) for name, text in rows]
    return join(tag("h1", say("title")), tag("p", say("lead"), class_="quiet"), tag("table", tag("tbody", *lines)))


def _verdict(dossier: Dossier) -> Markup:
    found = dossier.found
    sentence = texts()["verdicts"][found.verdict]
    colour = f"verdict v-{_COLOURS[found.verdict]}"
    pieces = [
        tag("h2", "1. Is it verified?"),
        tag("div", tag("strong", found.verdict), sentence, class_=colour, role="status"),
    ]
    if "demo" in found.claims or found.custody == "same-machine":
        pieces.append(tag("p", texts()["claims"]["demo"], class_="demo"))
    if dossier.code and found.range != (0, found.size - 1):
        first, last = found.range
        pieces.append(tag("p", say("partial", first=first, last=last, size=found.size)))
    return join(*pieces)


def _cards(dossier: Dossier) -> Markup:
    found = dossier.found
    level = found.independence
    held = sum(check.state == "pass" for check in found.checks)
    fixed = say("anchored", size=level["size"], t=readable(level["t"] or "a date on paper")) if level["size"] else None
    minutes = found.evidence_min or {}
    hours = [f"{_duration(minutes[name])} {say('hours_' + name)}" for name in ("E0", "gap") if minutes.get(name)] or [
        "No stretch of running time lies outside the measurement."
    ]
    said = [line for line in plain_words(found)[2:] if not (line[:1] == "V" and line[1:3].isdigit())]
    claims = [line for line in said if line != texts()["claims"]["demo"] and not line.startswith("Not watched")]
    return join(
        tag("h2", "2. What the check found"),
        tag(
            "div",
            _card("Integrity", f"{held} of {len(found.checks)} checks hold", fixed or say("not_anchored")),
            _card("Independence", "anchored" if level["level"] == "I1" else "self-attested", _independence(found)),
            _card("Network evidence", f"{_duration(minutes.get('E1', 0))} {say('hours_E1')}", "; ".join(hours)),
            class_="cards",
        ),
        tag("h3", "What may be said on this evidence"),
        tag("ul", *(tag("li", readable(line)) for line in claims)),
        tag("p", say("counted"), class_="small quiet"),
    )


def _independence(found: Verification) -> str:
    if found.independence["level"] == "I0":
        return str(texts()["claims"]["self-attested"])
    return "An officer's own copy of an earlier check agrees with this history."


def _card(title: str, big: str, text: str) -> Markup:
    return tag("div", tag("h3", title), tag("div", big, class_="big"), tag("div", text, class_="small"), class_="card")


def _duration(minutes: int) -> str:
    if minutes < 1:
        return "under 1 minute"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _coverage(found: Verification) -> Markup:
    pieces = [tag("h2", "3. Coverage"), tag("p", say("coverage"), class_="quiet")]
    if not found.periods:
        return join(*pieces, tag("p", "There is no stretch of time to show."))
    labels = dict.fromkeys(period["label"] for period in found.periods)
    legend = [
        tag("span", tag("svg", tag("rect", width=14, height=14, class_=f"p-{label}"), viewBox="0 0 14 14"), words)
        for label in labels
        for words in [word("labels", label)]
    ]
    start, end = found.periods[0]["from"], found.periods[-1]["to"]
    pieces += [coverage_bar(found.periods), tag("div", *legend, class_="legend")]
    pieces.append(tag("p", readable(f"{start} to {end}"), class_="small quiet"))
    gaps = [p for p in found.periods if p["label"] in ("crashed", "cut")]
    if gaps:
        rows = [(moment(p["from"]), moment(p["to"]), word("labels", p["label"])) for p in gaps]
        pieces.append(table(("From", "To", "What"), rows))
    return join(*pieces)


# --- 6 and 7: changes, retention


def _changes(dossier: Dossier, counted: Tally) -> Markup:
    rows = list(_change_rows(dossier))
    pieces = [tag("h2", "6. Changes"), tag("p", say("changes"), class_="quiet")]
    if rows:
        pieces.append(table(("Record", "Time", "What", "Now", "Approval"), rows))
    pieces += [tag("p", say("thresholds", basis=basis)) for basis in counted.thresholds]
    return join(*pieces)


def _change_rows(dossier: Dossier) -> Iterator[tuple[int, str, str, str, str]]:
    """Yield what the first start ran, every recorded change, and a change that only a later start shows."""
    allowed = _approvals(dossier)
    starts = [body["software"] for kind, body in dossier.records.values() if kind == "S"]
    versions = {software["sha"]: software["version"] for software in starts}
    recorded = {(body["what"], body["new"]) for kind, body in dossier.records.values() if kind == "C"}
    shown: dict[str, str] = {}
    for seq, (kind, body) in dossier.records.items():
        if kind == "S":
            for name, digest in digests_of(body).items():
                unseen = name not in shown
                if unseen or (shown[name] != digest and (name, digest) not in recorded):
                    words = allowed.get((name, digest), say("first_start" if unseen else "no_approval"))
                    yield seq, moment(body["t"]), word("changes", name), _now(name, digest, versions), words
                shown[name] = digest
        elif kind == "C":
            name, digest = body["what"], body["new"]
            words = allowed.get((name, digest), say("needs_none" if name == ACCESS else "no_approval"))
            yield seq, moment(body["t"]), word("changes", name), _now(name, digest, versions), words
            shown[name] = digest
        elif kind in ("P", "V"):
            order = note_of(body, "purge" if kind == "P" else "review")
            words = word("orders", order.get("result", "purge"))
            yield seq, moment(body["t"]), words, "", say("ordered", ref=order.get("ref", "-"))


def _approvals(dossier: Dossier) -> dict[tuple[str, str], str]:
    """What the enrolment and the officer's notes allow; the examination has held their signatures."""
    named = {name: dossier.enrolment.get(name, ()) for name in ("policy", "software")}
    allowed = {(name, digest): "named in the enrolment" for name, digests in named.items() for digest in digests}
    for body in dossier.approvals:
        order = note_of(body, "approval")
        words = say("approved", ref=order["ref"]) if order else word("changes", "enrolment")
        allowed[body["what"], body["new"]] = words
    return allowed


def _now(name: str, digest: str, versions: Mapping[str, str]) -> Markup:
    """Name a digest: in words where they are known, by its short code everywhere else."""
    engines = {sha256(kind.encode()).hexdigest(): kind for kind in ("embedded", "http")}
    if name == "engine" and digest in engines:
        return join(word("engines", engines[digest]))
    code = tag("span", code_of(bytes.fromhex(digest)), class_="mono")
    return (
        tag("span", versions[digest], " ", code, class_="nowrap") if name == "software" and digest in versions else code
    )


def _retention(dossier: Dossier) -> Markup:
    times = [(body["t"], seq) for seq, (_, body) in dossier.records.items() if "t" in body]
    gone = {why: [s for s, missing in dossier.missing.items() if missing.why == why] for why in ("erased", "purged")}
    lines = [say("retention", months=dossier.enrolment["retention_months"])]
    if times:
        lines.append(say("oldest", seq=min(times)[1], t=readable(min(times)[0])))
    lines += [say(why, n=len(seqs), seqs=ranges(seqs)) for why, seqs in gone.items() if seqs]
    if not gone["erased"]:
        lines.append(say("no_erasure"))
    pieces = [tag("h2", "7. Retention and erasure"), *(tag("p", line) for line in (*lines, say("staff")))]
    rows = [
        (seq, moment(body["t"]), word("whys", order.get("why", "-")), order.get("ref", "-"), len(order.get("seqs", ())))
        for seq, (kind, body) in dossier.records.items()
        if kind == "T"
        for order in [_order(body)]
    ]
    if rows:
        pieces.append(table(("Record", "Time", "Why", "Reference", "Records erased"), rows, numbers=(4,)))
    return join(*pieces)


def _order(body: Json) -> Json:
    return note_of(body, "tombstone")


# --- 8 to 10: limits, law, signature


def _not_shown() -> Markup:
    ways = texts()["not_covered"]
    return join(
        tag("h2", "8. What this report does not show"),
        tag("p", say("shown_not")),
        tag("ul", *(tag("li", way) for way in ways), class_="ways"),
        tag("p", say("never")),
    )


def _law(country: str) -> Markup:
    heading = tag("h2", "9. Duties these records support")
    if not country:
        return join(heading, tag("p", say("legal_none")))
    law = legal_map(country)
    rows = [(duty.article, duty.duty, duty.supported_by) for duty in law.duties]
    return join(
        heading,
        tag("p", tag("strong", law.law)),
        tag("p", law.status),
        table(("Article", "Duty", "Supported by"), rows),
        tag("p", f"{say('legal_note')} {say('legal_read')}", class_="small quiet"),
    )


def _sign(dossier: Dossier) -> Markup:
    boxes = [tag("div", words) for words in ("Name and function", "Date", "Signature")]
    pieces = [tag("h2", "10. Signature"), tag("p", say("sign")), tag("div", *boxes, class_="sign")]
    if dossier.code:
        pieces += [
            tag("p", say("code")),
            tag("p", dossier.code, class_="mono code"),
            tag("p", say("code_use", code=dossier.code), class_="small quiet"),
        ]
    return tag("div", *pieces, tag("p", say("files"), class_="small quiet"), class_="keep")


def _checks(found: Verification) -> Markup:
    rows = [
        (check.id, texts()["checks"][check.id]["title"], _state(check.state), len(check.findings) or "")
        for check in found.checks
    ]
    return join(tag("h2", say("all_checks")), table(("No", "Check", "Result", "Findings"), rows, numbers=(3,)))


def _state(state: str) -> Markup:
    return tag("span", _STATES[state], class_=f"s-{state}")
