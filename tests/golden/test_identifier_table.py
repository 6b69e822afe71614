"""The table of identifiers, row by row, through the whole path of patterns: folding, chunks, precedence, switches.

The vectors are a file, so that another program can read them; telephone numbers and dates are made here from tables.
"""

from __future__ import annotations

from pathlib import Path

import phonenumbers
import pytest

from filters.analyse import Analyst
from filters.findings import Finding
from filters.kinds import known_kinds
from filters.parts import Form, Part, PatientText
from filters.recognizers import catalogue
from filters.recognizers.phone import REGIONS
from filters.stock import STOCK
from filters.switches import Switches
from tests.kit.stock_examples import STOCK_EXAMPLES

LINES = Path(__file__).with_name("identifiers.txt").read_text(encoding="utf-8").splitlines()
ROWS = [tuple(line.split("\t")) for line in LINES if line and not line.startswith("#")]

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
FORMS = {
    "en": ("3 {m} 2024", "{m} 3, 2024", "3rd of {m} 2024", "{m} 2024", "3 {m}", "Friday 3 {m} 2024"),
    "de": ("3. {m} 2024", "den 3. {m} 2024", "{m} 2024", "3. {m}", "3.-5. {m} 2024"),
    "es": ("3 de {m} de 2024", "{m} de 2024", "3 de {m}", "lunes, 3 de {m} de 2024"),
    "fr": ("3 {m} 2024", "1er {m} 2024", "{m} 2024", "3 {m}", "lundi 3 {m} 2024"),
    "it": ("3 {m} 2024", "1º {m} 2024", "{m} 2024", "3 {m}"),
    "nl": ("3 {m} 2024", "{m} 2024", "3 {m}", "maandag 3 {m} 2024"),
    "pt": ("3 de {m} de 2024", "{m} de 2024", "3 de {m}"),
}
DATES = [
    (language, form.format(m=month))
    for language, months in MONTHS.items()
    for month in months.split()
    for form in FORMS[language]
]


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    return Analyst.build(None)


def _find(analyst: Analyst, text: str) -> tuple[Finding, ...]:
    return analyst.find([Part(0, "user", Form.TEXT, PatientText(text))], [], Switches(bare_year="redact")).parts[0]


@pytest.mark.parametrize(("kind", "type_", "marked"), ROWS, ids=[f"{r[0]}-{r[2]}" for r in ROWS])
def test_a_row_of_the_table(analyst: Analyst, kind: str, type_: str, marked: str) -> None:
    start, end = marked.index("«"), marked.index("»") - 1
    found = _find(analyst, marked.replace("«", "").replace("»", ""))
    assert [(f.start, f.end, f.type.value) for f in found if f.start < end and f.end > start] == [(start, end, type_)]
    assert kind in known_kinds()


def test_every_recognizer_and_every_stock_kind_is_in_the_catalogue() -> None:
    """What the table asks for exists; an identifier kind is one file, so its absence would show here."""
    ours = {entry.recognizer.kind for entry in catalogue()}
    named = {kind for e in catalogue() for kind, _ in [(k, 0) for _, k in e.recognizer.kinds]}
    asked = {row[0] for row in ROWS}
    assert asked - ours - named - {stock.kind for stock in STOCK} == set()
    not_in_table = {
        "age",
        "bare_year",
        "company",
        "country",
        "date",
        "device_serial",
        "duration",
        "facility",
        "greeting_name",
        "initial_name",
        "insurer",
        "kin_name",
        "labelled_name",
        "pem_key",
        "phone_extension",
        "postcode",
        "postcode_city",
        "relative_date",
        "residence",
        "role_name",
        "school",
        "signature_name",
        "spoken_date",
        "spoken_number",
        "street",
        "street_name",
        "titled_name",
        "uk_postcode",
        "us_zip",
        "vehicle_plate",
    }
    assert ours - asked == not_in_table


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("kind", ["fixed_line", "mobile"])
def test_numbers_of_every_region(analyst: Analyst, region: str, kind: str) -> None:
    """The example numbers of the numbering plans, as people write them: abroad, at home, without spaces."""
    number = phonenumbers.example_number_for_type(region, getattr(phonenumbers.PhoneNumberType, kind.upper()))
    shapes = phonenumbers.PhoneNumberFormat
    for shape in (shapes.INTERNATIONAL, shapes.NATIONAL, shapes.E164):
        value = phonenumbers.format_number(number, shape)
        text = f"tel {value} rang"
        assert any(f.start <= 4 and f.end >= 4 + len(value) for f in _find(analyst, text)), value
    value = phonenumbers.format_number(number, shapes.INTERNATIONAL)
    assert any(f.type.value == "PHONE" for f in _find(analyst, f"wife {value} rang")), "without a cue"


@pytest.mark.parametrize(("language", "date"), DATES, ids=[f"{a}-{b}" for a, b in DATES])
def test_month_names_in_seven_languages(analyst: Analyst, language: str, date: str) -> None:
    for text, at in ((f"x {date} y", 2), (date, 0), (f"({date}).", 1)):
        covered = {i for f in _find(analyst, text) if f.type.value == "DATE" for i in range(f.start, f.end)}
        missing = [i for i in range(at, at + len(date)) if text[i].isdigit() and i not in covered]
        month = max(date.split(), key=len).strip(",.")
        assert not missing, text
        assert set(range(text.index(month), text.index(month) + len(month))) <= covered, text


@pytest.mark.parametrize("stock", STOCK, ids=lambda s: s.kind)
def test_examples_of_the_kinds_kept_from_presidio(analyst: Analyst, stock: object) -> None:
    kind = stock.kind  # type: ignore[attr-defined] # the parameter is a `Stock`; pytest passes it as an object
    text = STOCK_EXAMPLES[kind]
    start, end = text.index("«"), text.index("»") - 1
    covered = {i for f in _find(analyst, text.replace("«", "").replace("»", "")) for i in range(f.start, f.end)}
    plain = text.replace("«", "").replace("»", "")
    assert {i for i in range(start, end) if plain[i].isalnum()} <= covered
