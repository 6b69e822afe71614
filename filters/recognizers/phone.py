"""Telephone and fax number: international, national in fifteen countries, or anything that follows "tel"."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import phonenumbers

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER", "REGIONS"]

REGIONS = ("LK", "SG", "AE", "IN", "GB", "US", "CA", "DE", "AT", "CH", "FR", "ES", "IT", "NL", "PT")

_LINES = ("fixed_line", "mobile", "toll_free", "shared_cost", "personal_number", "voip", "uan")

_DATE = re.compile(r"\(?\d{1,4}[./-]\d{1,2}[./-]\d{2,4}(?!\d)|(?:19|20)\d\d[ -]?-[ -]?(?:19|20)\d\d\Z")
_TRAILING = " ().-/"

_NATIONAL = re.compile(
    r"\(?\+\d.*|00\d.*"  # international
    r"|\(?0\d{1,5}\)?[ ./-]?(?:\(0\))?\d.*"  # trunk prefix
    r"|\(\d{3}\)[ .-]?\d{3}[ .-]?\d{4}|(?:1[ .-])?\d{3}([ .-])\d{3}\1\d{4}"  # North America
    r"|[3689]\d{3}[ -]\d{4}"  # Singapore
    r"|[6-9]\d{4} \d{5}|[6-9]\d{9}"  # India
    r"|[26-9]\d{2} \d{3} \d{3}|[6-9]\d{2} \d{2} \d{2} \d{2}"  # Spain, Portugal
)
_SEPARATED = re.compile(r"(?:1[ .-])?\(?\d{3}(?:\)[ .-]?|[ .-])\d{3}[ .-]\d{4}")
_LANKAN = re.compile(r"(?:\+94|0)[1-9]\d{8}")


@cache
def _countries() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Per region: its calling code, its trunk prefix, its national numbers (metadata of the phonenumbers package)."""
    rows = []
    for region in REGIONS:
        data: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
        kinds = (getattr(data, name) for name in _LINES)
        patterns = sorted({k.national_number_pattern for k in kinds if k is not None and k.national_number_pattern})
        rows.append((str(data.country_code), data.national_prefix or "", re.compile("|".join(patterns))))
    return tuple(rows)


def _is_valid(flat: str) -> bool:
    """Return whether digits (with `+` when international) are a number of one of our regions."""
    if flat.startswith("00"):
        flat = "+" + flat[2:]
    for code, trunk, pattern in _countries():
        if flat.startswith("+"):
            rest = flat[1 + len(code) :].removeprefix(trunk) if flat[1:].startswith(code) else ""
            italian = flat[1 + len(code) :] if rest else ""
        else:
            rest, italian = (flat[len(trunk) :] if trunk and flat.startswith(trunk) else flat), flat
        if rest and (pattern.fullmatch(rest) or pattern.fullmatch(italian)):
            return True
    return flat.startswith("+") and 8 <= len(flat) <= 16


def _judge(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    while end > start and text[end - 1] in _TRAILING:
        end -= 1
    value = text[start:end]
    if value.startswith("(") and ")" not in value:
        start, value = start + 1, value[1:]
    digits = "".join(c for c in value if c.isdigit())
    if not 7 <= len(digits) <= 15 or _DATE.match(value):
        return None
    if not _NATIONAL.fullmatch(value):
        return start, end, 0
    flat = ("+" if "+" in value[:2] else "") + digits.replace("0", "", 1) if "(0)" in value else digits
    flat = "+" + digits if value.lstrip("(").startswith("+") else flat
    if _LANKAN.fullmatch(flat) or _is_valid(flat):
        return start, end, 750
    return start, end, 650 if _SEPARATED.fullmatch(value) else 0


_EXTENSION = r"(?:(?: ?[,;]? ?(?:ext\.?|x|extension|durchwahl|poste|interno)[ .:]{0,2})\d{1,6})?"

RECOGNIZER = Recognizer(
    kind="phone",
    type=Type.PHONE,
    patterns=(rf"(?<![\w.+,/-])(?:\+|\()?\d[\d ().\-/]{{5,22}}\d{_EXTENSION}(?![\w]|[.,]\d)",),
    scores=Scores(shape=0, cued=900),
    cues=(
        "tel", "tel no", "telephone", "telefon", "teléfono", "telefono", "téléphone", "telefoon", "telefone", "phone",
        "ph", "mob", "mobile", "mobil", "móvil", "movil", "portable", "cellulare", "cell", "telemóvel", "gsm", "fax",
        "call", "ring", "contact", "contact no", "contact number", "handy", "rufnummer", "fon", "hotline", "pager",
        "bleep", "whatsapp", "sms", "tfno", "tlf", "දුරකථන", "தொலைபேசி", "هاتف",
    ),
    digits=7,
    refine=_judge,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "Tel: «077 123 4567»",
        "«+94 77 123 4567» (wife)",
        "call «(212) 555-0187» now",
        "«212-555-0187»",
        "Handy «0171 2345678»",
        "fax «+49 (0)30 1234567»",
        "mob «9123 4567»",
        "tél. «06 12 34 56 78»",
        "«0771234567»",
        "ring «020 7946 0958 ext 12»",
    ),
    no_match=(
        "BP 120/80 98.6 16",
        "12.03.2021 14:30",
        "WBC 7.2 Hb 13.5",
        "2010-2015",
        "SNOMED 2125550187",
        "1000000 IU",
        "1-0-1",
        "take 1 2 3 4",
    ),
)
