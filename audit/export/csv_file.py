"""The rows as a CSV file that a spreadsheet opens safely: UTF-8 with BOM, CRLF, RFC 4180. Pure.

Law: a text cell that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay numbers.
"""

import csv
import io
from collections.abc import Iterable, Sequence

__all__ = ["defended", "write_csv"]

_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What starts a formula, the full-width forms some spreadsheets fold included."""


def defended(cell: str | float) -> str | float:
    """Return a cell that no spreadsheet runs. A leading blank does not hide what follows it."""
    if isinstance(cell, str) and (cell.startswith(_ACTIVE) or cell.lstrip().startswith(_ACTIVE)):
        return "'" + cell
    return cell


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[str | float]]) -> bytes:
    """Return the file."""
    text = io.StringIO()
    writer = csv.writer(text, dialect="excel", lineterminator="\r\n")
    writer.writerow(headers)
    writer.writerows([defended(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8")
