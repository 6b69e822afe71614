"""What `cordon redact` found in one text, and the page that shows it: one file, nothing in it runs or loads.

Law: every piece of the text is escaped; the policy of the page forbids scripts, pictures and other hosts.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from filters.findings import Finding, Type
from proxy.cli.explain import grounds_of, recognizers_by_kind

__all__ = ["COLOURS", "Looked", "page_of", "remarks"]

COLOURS: dict[Type, str] = {
    Type.NAME: "#b3261e", Type.LOCATION: "#0b6e4f", Type.ORG: "#00639b", Type.DATE: "#7a4f01", Type.AGE: "#7a4f01",
    Type.PHONE: "#6a1b9a", Type.EMAIL: "#6a1b9a", Type.URL: "#6a1b9a", Type.IP: "#6a1b9a", Type.ID: "#ad1457",
    Type.SECRET: "#ad1457", Type.TEXT: "#455a64", Type.MARKED: "#455a64",
}  # fmt: skip
"""A colour a type, dark enough for white letters (contrast above 4.5)."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One text after the analyst: what was found, what a model would read.

    Attributes:
        kept: what was found and stays, because the policy or a guard says so; by kind, with counts.
        refused: kinds for which the service would refuse the request.
        policy: the name of the policy that decided.
    """

    text: str
    findings: tuple[Finding, ...]
    redacted: str
    kept: tuple[tuple[str, int], ...] = ()
    refused: tuple[str, ...] = ()
    policy: str = ""


def remarks(looked: Looked) -> list[str]:
    """What the colours do not say: the policy, what stays, what the service would not take at all."""
    said = [f"policy {looked.policy}"] if looked.policy else []
    if looked.kept:
        said.append("left as it is: " + ", ".join(f"{kind.lower()} {count}" for kind, count in looked.kept))
    if looked.refused:
        said.append("the service would refuse this request, because of: " + ", ".join(looked.refused))
    return said


def page_of(looked: Looked, *, explain: bool = False) -> str:
    """The text with labels, what a model would read, a legend, and with `explain` why each place was found."""
    counts = Counter(f.type for f in looked.findings)
    rules = "".join(f".{t}{{background:{c}}}" for t, c in COLOURS.items() if t in counts)
    legend = " ".join(f'<mark class="{t}">{t}<b>{n}</b></mark>' for t, n in sorted(counts.items()))
    return _PAGE.format(
        rules=rules,
        legend=legend or "Nothing was found.",
        remarks="".join(f"<li>{html.escape(line)}</li>" for line in remarks(looked)),
        text="".join(_pieces(looked)),
        redacted=html.escape(looked.redacted),
        reasons=_reasons(looked) if explain and looked.findings else "",
    )


def _pieces(looked: Looked) -> Iterator[str]:
    at = 0
    for f in looked.findings:
        value = html.escape(looked.text[f.start : f.end])
        yield f'{html.escape(looked.text[at : f.start])}<mark class="{f.type}">{value}<b>{f.type}</b></mark>'
        at = f.end
    yield html.escape(looked.text[at:])


def _reasons(looked: Looked) -> str:
    recognizers = recognizers_by_kind()
    rows = "".join(
        f'<tr><td>{f.start}\u2013{f.end}<td><mark class="{f.type}">{html.escape(looked.text[f.start : f.end])}</mark>'
        f"<td>{html.escape(f.kind)}<td>{f.score / 10:.0f} %<td>{html.escape(grounds_of(f, recognizers))}"
        for f in looked.findings
    )
    head = "<tr><th>characters<th>value<th>kind<th>sure<th>because"
    return f"<h2>Why</h2><div class=wide><table>{head}{rows}</table></div>"


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Cordon: what would be replaced</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>:root{{color-scheme:light dark}}
body{{font:16px/1.65 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
body{{color:#1b1b1f;background:#fff}}
h1{{font-size:1.6rem;margin:0 0 .75rem}} h2{{font-size:1.1rem;margin:1.75rem 0 .5rem}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:0}}
pre{{background:#f3f3f7;padding:1rem;border-radius:.5rem}}
mark{{color:#fff;border-radius:.25rem;padding:.05rem .35rem}}
mark{{box-decoration-break:clone;-webkit-box-decoration-break:clone}}
mark b{{font-size:.68em;font-weight:600;letter-spacing:.03em;margin-left:.45em}}
ul{{color:#5c5c66;margin:.5rem 0 0;padding-left:1.1rem}} .wide{{overflow-x:auto}}
table{{border-collapse:collapse;font-size:.9rem}}
th,td{{text-align:left;vertical-align:top;padding:.3rem .9rem .3rem 0}}
th{{color:#5c5c66;font-weight:600}} td:nth-child(4){{white-space:nowrap}}
@media(prefers-color-scheme:dark){{body{{background:#121316;color:#e3e2e6}}pre{{background:#1f2024}}
ul,th{{color:#a6a6b0}}}}
@media print{{mark{{-webkit-print-color-adjust:exact;print-color-adjust:exact}}}}
{rules}</style>
<h1>What would be replaced</h1><p>{legend}</p><ul>{remarks}</ul><h2>The text</h2><pre>{text}</pre>
<h2>What a model would read</h2><pre>{redacted}</pre>{reasons}</html>
"""
