"""The records as an Excel workbook, in words: for people who open nothing else. Pure.

Laws: text is written as text (no cell of the log can become a formula or a link); no row is dropped, a sheet that is
full is continued on the next; equal records give equal bytes, because the one date in the file is fixed.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from audit.export.columns import HEADERS, Exchange, exchanges, row
from audit.export.dossier import Dossier
from audit.strictjson import Json
from audit.verify import plain_words, texts
from audit.words import kind_words, readable, word

__all__ = ["MOST_ROWS", "write_xlsx"]

MOST_ROWS = 1_000_000
"""Excel has 1 048 576 rows; a round number leaves room for headings."""
_CREATED = datetime(1980, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_WIDTHS = {
    "Time (local)": 16, "Time (UTC)": 20, "Workstation": 24, "Staff": 16, "Patient reference": 24, "Result": 20,
    "Reason": 44, "Prompt safety": 16, "Answer safety": 16, "Model": 30, "Policy": 26, "Network evidence": 32,
    "Record state": 20, "Record code": 26,
}  # fmt: skip
_EXCEPTIONAL = frozenset({"interrupted", "failed", "timeout", "open", "unreadable"})
Cells = Sequence[str | int | float]


@dataclass(frozen=True, slots=True)
class _Styles:
    head: Format
    text: Format
    title: Format


def write_xlsx(dossier: Dossier, reasons: Mapping[str, str], csv: bytes) -> bytes:
    """Return the workbook. `csv` is the file beside it, whose digest the last sheet names."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, _OPTIONS)
    book.set_properties({"title": "Cordon audit records", "author": "Cordon", "created": _CREATED})
    head = book.add_format({"bold": True, "bg_color": "#e3edf3", "bottom": 1, "text_wrap": True, "valign": "top"})
    text = book.add_format({"text_wrap": True, "valign": "top"})
    styles = _Styles(head, text, book.add_format({"bold": True, "font_size": 14}))
    found = exchanges(dossier)
    _pairs(book.add_worksheet("Summary"), styles, ("Question", "Answer"), _summary(dossier))
    _records(book, styles, [row(exchange, reasons) for exchange in found])
    exceptional = [row(e, reasons) for e in found if e.result in _EXCEPTIONAL]
    _sheet(book.add_worksheet("Exceptions"), styles, HEADERS, exceptional)
    _pairs(book.add_worksheet("Coverage"), styles, ("From", "To", "What"), _coverage(dossier.found.periods))
    meanings = [(name, word("columns", name)) for name in HEADERS]
    _pairs(book.add_worksheet("What these columns mean"), styles, ("Column", "Meaning"), meanings)
    _pairs(book.add_worksheet("Files and counts"), styles, ("What", "Value"), _counts(dossier, found, csv))
    book.close()
    return out.getvalue()


def _records(book: xlsxwriter.Workbook, styles: _Styles, rows: Sequence[Cells]) -> None:
    for number, start in enumerate(range(0, max(len(rows), 1), MOST_ROWS), 1):
        name = "Records" if number == 1 else f"Records {number}"
        _sheet(book.add_worksheet(name), styles, HEADERS, rows[start : start + MOST_ROWS])


def _sheet(sheet: Worksheet, styles: _Styles, headers: Sequence[str], rows: Sequence[Cells]) -> None:
    for column, name in enumerate(headers):
        sheet.write_string(0, column, name, styles.head)
        sheet.set_column(column, column, _WIDTHS.get(name, 11))
    for place, cells in enumerate(rows, 1):
        for column, cell in enumerate(cells):
            _write(sheet, (place, column), cell, styles.text)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(rows), 1), len(headers) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _pairs(sheet: Worksheet, styles: _Styles, headers: Sequence[str], rows: Iterable[Cells]) -> None:
    listed = list(rows)
    _sheet(sheet, styles, headers, listed)
    for column in range(len(headers)):
        sheet.set_column(column, column, 30 if column == 0 or len(headers) > 2 else 96)


def _write(sheet: Worksheet, place: tuple[int, int], cell: str | float, style: Format) -> None:
    if isinstance(cell, str):
        sheet.write_string(*place, cell, style)
    else:
        sheet.write_number(*place, cell, style)


def _summary(dossier: Dossier) -> Iterable[Cells]:
    found = dossier.found
    yield "Is it verified?", f"{found.verdict}. {texts()['verdicts'][found.verdict]}"
    yield "Computer", found.origin
    yield "Records", f"{found.range[0]} to {found.range[1]} of {found.size}"
    for line in plain_words(found)[2:]:
        check = line[:1] == "V" and line[1:3].isdigit()
        yield "A check that does not hold" if check else "What may be said", readable(line)
    for name in ("requests", "answered", "refused", "failed", "interrupted", "blocked", "flagged", "erased", "purged"):
        if name in found.totals:
            yield word("totals", name), found.totals[name]
    for kind, count in found.totals.get("removed", {}).items():
        yield f"Identifiers replaced: {kind_words(kind)}", count
    yield "Checkpoint code", dossier.code


def _coverage(periods: Iterable[Json]) -> Iterable[Cells]:
    for period in periods:
        yield readable(period["from"]), readable(period["to"]), word("labels", period["label"])


def _counts(dossier: Dossier, found: Sequence[Exchange], csv: bytes) -> Iterable[Cells]:
    yield "Rows on the sheet Records", len(found)
    yield "Filter", "none: every request and refusal of the range is there"
    yield "First record of the range", dossier.found.range[0]
    yield "Last record of the range", dossier.found.range[1]
    yield "Gaps in coverage", sum(period["label"] in ("crashed", "cut") for period in dossier.found.periods)
    yield "SHA-256 of records.csv", sha256(csv).hexdigest()
    yield "Root of the log", dossier.found.root
