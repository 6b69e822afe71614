"""The report: one self-contained HTML page, no script, nothing loaded, ready for print. Pure.

Order: is it verified, for what, with what gaps; what happened; exceptions; changes and who approved; what it does not
show; the legal map of one country; signature. Every number is counted here from verified records and links to them.

    page(dossier, Made("Cordon 0.1.0", "2026-11-21"), reasons, country="lk") -> bytes
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources

from audit.export.columns import exchanges, workstation
from audit.export.dossier import Dossier
from audit.record import parse_time
from audit.report.changes import changes_section, retention_section
from audit.report.charts import coverage_bar
from audit.report.happened import exceptions_section, happened_section, moment, numbers_of, proof_section, table
from audit.report.html import Markup, join, tag
from audit.report.legal import legal_map
from audit.report.network import network_table
from audit.report.tally import tally
from audit.verify import Verification, plain_words
from audit.words import ENGLISH, Words, readable

__all__ = ["Made", "page"]

_COLOURS = {"VERIFIED": "good", "VERIFIED WITH GAPS": "warn", "NOT VERIFIED": "bad", "CANNOT TELL": "cold"}


@dataclass(frozen=True, slots=True)
class Made:
    """Who wrote the page, and when."""

    by: str
    at: str
    qr: str = ""
    """The checkpoint code as an SVG picture, from a maker we trust; empty for none."""


def page(dossier: Dossier, made: Made, reasons: Mapping[str, str], country: str = "", words: Words = ENGLISH) -> bytes:
    """Return the page. `reasons`: code of a refusal -> a sentence; `country`: whose law is mapped."""
    counted = tally(exchanges(dossier))
    body = [_head(dossier, made, words), _verdict(dossier, words)]
    numbers = numbers_of(counted, words) if dossier.code else ()
    if dossier.code:
        body += [
            _cards(dossier, words),
            _coverage(dossier.found, words),
            network_table(dossier, words),
            happened_section(counted, numbers, reasons, words),
            exceptions_section(dossier.found, counted, reasons, words),
            changes_section(dossier, counted, words),
            retention_section(dossier, words),
        ]
    else:
        body += [tag("p", words.say("broken")), exceptions_section(dossier.found, counted, reasons, words)]
    body += [_not_shown(words), _law(country, words), _sign(dossier, made, words)]
    body.append(proof_section(numbers, counted, words) if numbers else Markup())
    body.append(_checks(dossier.found, words))
    return _document(join(*body), words)


def _document(body: Markup, words: Words) -> bytes:
    """Close the page to everything but its own style, which is named by its digest."""
    style = Markup(resources.files("audit.report").joinpath("style.css").read_text("utf-8"))
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>'),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", words.say("title")),
        tag("style", style),
    )
    html = tag("html", head, tag("body", tag("main", body)), lang=words.language)
    return f"<!doctype html>\n{html}\n".encode()


# --- 1 to 3: verified, for what, with what gaps


def _head(dossier: Dossier, made: Made, words: Words) -> Markup:
    found, say = dossier.found, words.say
    first, last = found.range
    site = found.origin.partition("/")[0]
    computer = say("computer", name=workstation(found.origin), site=site) if found.origin else say("not_known")
    times = [body["t"] for _, body in dossier.records.values() if "t" in body]
    rows: list[tuple[str, str]] = [(say("k_computer"), computer)]
    if dossier.code:
        rows.append((say("k_records"), say("range", first=first, last=last, size=found.size)))
    if times:
        rows.append((say("k_from"), readable(min(times, key=parse_time))))
        rows.append((say("k_to"), readable(max(times, key=parse_time))))
    rows.append((say("k_page"), readable(say("made", by=made.by, at=made.at))))
    lines = [tag("tr", tag("th", name, class_="key quiet", scope="row"), tag("td", text)) for name, text in rows]
    pieces = [tag("h1", say("title")), tag("p", say("lead"), class_="quiet")]
    if words.language != "en":
        pieces.append(tag("p", say("translation"), class_="small quiet"))
    return tag("header", *pieces, tag("table", tag("tbody", *lines), class_="facts"))


def _verdict(dossier: Dossier, words: Words) -> Markup:
    found, texts = dossier.found, words.texts()
    colour = f"verdict v-{_COLOURS[found.verdict]}"
    name = words.word("verdict_names", found.verdict)
    pieces = [
        tag("h2", words.say("h_verified")),
        tag("div", tag("strong", name), texts["verdicts"][found.verdict], class_=colour, role="status"),
    ]
    if "demo" in found.claims or found.custody == "same-machine":
        pieces.append(tag("p", texts["claims"]["demo"], class_="demo"))
    if dossier.code and found.range != (0, found.size - 1):
        first, last = found.range
        pieces.append(tag("p", words.say("partial", first=first, last=last, size=found.size)))
    return join(*pieces)


def _cards(dossier: Dossier, words: Words) -> Markup:
    found, say = dossier.found, words.say
    held = sum(check.state == "pass" for check in found.checks)
    minutes = found.evidence_min or {}
    hours = [f"{_duration(minutes[name], words)} {say('hours_' + name)}" for name in ("E0", "gap") if minutes.get(name)]
    anchored = "anchored_short" if found.independence["level"] == "I1" else "self_short"
    measured = f"{_duration(minutes.get('E1', 0), words)} {say('hours_E1')}"
    said = [line for line in plain_words(found, words.texts())[2:] if not (line[:1] == "V" and line[1:3].isdigit())]
    unsaid = (words.texts()["claims"]["demo"], words.texts()["not_watched"].partition("{")[0])
    claims = [line for line in said if not line.startswith(unsaid)]
    return join(
        tag("h2", say("h_found")),
        tag(
            "div",
            _card(say("g_integrity"), say("held", n=held, all=len(found.checks)), _fixed(found, words)),
            _card(say("g_independence"), say(anchored), _independence(found, words)),
            _card(say("g_network"), measured, "; ".join(hours) or say("all_measured")),
            class_="cards",
        ),
        tag("h3", say("h_claims")),
        tag("ul", *(tag("li", readable(line)) for line in claims)),
        tag("p", say("counted"), class_="small quiet"),
    )


def _fixed(found: Verification, words: Words) -> str:
    level = found.independence
    if not level["size"]:
        return words.say("not_anchored")
    return words.say("anchored", size=level["size"] - 1, t=readable(level["t"] or words.say("paper_date")))


def _independence(found: Verification, words: Words) -> str:
    if found.independence["level"] == "I0":
        return str(words.texts()["claims"]["self-attested"])
    return words.say("agrees")


def _card(title: str, big: str, text: str) -> Markup:
    return tag("div", tag("h3", title), tag("div", big, class_="big"), tag("div", text, class_="small"), class_="card")


def _duration(minutes: int, words: Words) -> str:
    if minutes < 1:
        return words.say("under_minute")
    if minutes < 120:
        return words.say("minutes", n=minutes)
    return words.say("hours", h=minutes // 60, n=minutes % 60)


def _coverage(found: Verification, words: Words) -> Markup:
    say = words.say
    pieces = [tag("h2", say("h_coverage")), tag("p", say("coverage"), class_="quiet")]
    if not found.periods:
        return join(*pieces, tag("p", say("no_coverage")))
    labels = dict.fromkeys(period["label"] for period in found.periods)
    legend = [
        tag(
            "span",
            tag("svg", tag("rect", width=14, height=14, class_=f"p-{label}"), viewBox="0 0 14 14", aria_hidden="true"),
            words.word("labels", label),
        )
        for label in labels
    ]
    span = say("span", start=found.periods[0]["from"], end=found.periods[-1]["to"])
    pieces += [coverage_bar(found.periods, words), tag("div", *legend, class_="legend")]
    pieces.append(tag("p", readable(span), class_="small quiet"))
    gaps = [p for p in found.periods if p["label"] in ("crashed", "cut")]
    if gaps:
        rows = [(moment(p["from"]), moment(p["to"]), words.word("labels", p["label"])) for p in gaps]
        pieces.append(table([say(name) for name in ("k_from", "k_to", "c_what")], rows))
    return join(*pieces)


# --- 8 to 10: limits, law, signature


def _not_shown(words: Words) -> Markup:
    return join(
        tag("h2", words.say("h_not_shown")),
        tag("p", words.say("shown_not")),
        tag("ul", *(tag("li", way) for way in words.texts()["not_covered"]), class_="ways"),
        tag("p", words.say("never")),
    )


def _law(country: str, words: Words) -> Markup:
    say = words.say
    heading = tag("h2", say("h_law"))
    if not country:
        return join(heading, tag("p", say("legal_none")))
    law = legal_map(country)
    rows = [(duty.article, duty.duty, duty.supported_by) for duty in law.duties]
    return join(
        heading,
        tag("p", tag("strong", law.law)),
        tag("p", law.status),
        table([say(name) for name in ("c_article", "c_duty", "c_supported")], rows),
        tag("p", f"{say('legal_note')} {say('legal_read')}", class_="small quiet"),
    )


def _sign(dossier: Dossier, made: Made, words: Words) -> Markup:
    say = words.say
    boxes = [tag("div", say(name)) for name in ("s_name", "s_date", "s_signature")]
    pieces = [tag("h2", say("h_sign")), tag("p", say("sign")), tag("div", *boxes, class_="sign")]
    if dossier.code:
        picture = tag("div", Markup(made.qr), class_="qr") if made.qr else Markup()
        code = [
            tag("p", say("code")),
            tag("p", dossier.code, class_="mono code"),
            tag("p", say("code_use", code=dossier.code), class_="small quiet"),
        ]
        pieces.append(tag("div", tag("div", *code), picture, class_="coded"))
    return tag("div", *pieces, tag("p", say("files"), class_="small quiet"), class_="keep")


def _checks(found: Verification, words: Words) -> Markup:
    rows = [
        (check.id, words.texts()["checks"][check.id]["title"], _state(check.state, words), len(check.findings) or "")
        for check in found.checks
    ]
    headers = [words.say(name) for name in ("c_no", "c_check", "c_result", "c_findings")]
    return join(tag("h2", words.say("all_checks")), table(headers, rows, numbers=(3,)))


def _state(state: str, words: Words) -> Markup:
    return tag("span", words.word("check_states", state), class_=f"s-{state}")
