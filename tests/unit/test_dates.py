"""The date grammar in seven languages: what is a date, and what only looks like one."""

from __future__ import annotations

import pytest

from filters.fold import fold
from filters.recognizers import catalogue
from filters.scan import Scanner

DATES = Scanner(entry.recognizer for entry in catalogue() if entry.recognizer.kind == "date")

MONTHS = {
    "en": "January February March April May June July August September October November December Jan Feb Mar Apr Jun "
    "Jul Aug Sep Sept Oct Nov Dec",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember Jänner Mrz Okt Dez",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre ene abr dic",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre janv févr avr juil déc",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december mrt",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro fev",
}
FORMS = {
    "en": ["3 {} 2021", "{} 3, 2021", "{} 2021"],
    "de": ["3. {} 2021", "{} 2021"],
    "es": ["3 de {} de 2021", "{} de 2021"],
    "fr": ["3 {} 2021", "1er {} 2021"],
    "it": ["3 {} 2021", "1° {} 2021"],
    "nl": ["3 {} 2021", "{} 2021"],
    "pt": ["3 de {} de 2021", "{} de 2021"],
}
WRITTEN = [(form.format(month)) for lang, names in MONTHS.items() for month in names.split() for form in FORMS[lang]]

NUMERIC = [
    "01/02/1980", "1/2/80", "31.12.1999", "31.12.99", "1999-12-31", "1999/12/31", "12-31-1999",
    "2004-10-15T08:30:00Z", "2004-10-15 08:30", "20041015", "15102004", "10/2004", "03-2021", "12 / 03 / 2021",
    "15OCT2004", "15-Oct-2004", "15/Oct/2004", "15 Oct 04", "15 Oct '04", "Oct '21", "15th of October 2004",
    "October the 15th", "Oct. 15, 2004", "3.-5. März 2024", "3 - 5 March 2024", "12.-13.03.2024", "1st January 2020",
    "2nd May 2019", "22nd June", "3rd July", "Friday, 3 March 2021", "Montag, den 3. März 2021",
    "lunes 3 de mayo de 2021", "lundi 3 mai 2021", "1º de enero de 2020", "12. 03. 2021", "15 October", "May 3",
    "3 May", "15 de\njunio de 1964",
]  # fmt: skip

IN_CONTEXT = [
    ("seen on 12/3 again", "12/3"), ("vom 12.3. an", "12.3."), ("le 12/03 à", "12/03"), ("el 3/5 ingresa", "3/5"),
    ("am 3.4. entlassen", "3.4."), ("op 3/5 gezien", "3/5"), ("em 3/5 alta", "3/5"), ("il 3/5 visita", "3/5"),
    ("12/03/2021 and again 14/11", "14/11"), ("13/6 slept\n14/6 ate", "14/6"),
    ("Geburtsdatum: 20.04.", "20.04."), ("Geb.-Dat.: 7.11.", "7.11."),
]  # fmt: skip

NOT_DATES = [
    "8/10", "NIHSS 4/42", "MMSE 28/30", "VAS 3/10", "Apgar 9/10", "G3P2", "ratio 3/4", "C3/4", "L5/S1", "12/24 leads",
    "BP 120/80", "2/6 murmur", "3/6 systolic", "GCS 15", "6/9 vision", "20/20 vision", "1/2 tablet", "1-0-1", "1-1-1",
    "9 out of 10", "5 out of 5", "pain 4/10", "power 5/5", "4/5 strength", "reflexes 2/4", "1:1 ratio", "5-10 mg",
    "2-3 times", "3 x 5 mg", "2.5 mg", "12.5 mg", "0.9 %", "1.25 mmol", "98.6", "37.5", "7.35", "10-20", "24/7",
    "50/50", "1/3 of", "stage 3 may benefit", "grade 2 may be", "may need 2", "it may take 3", "patients may",
    "march on", "to march 5", "mars bar", "a moment", "quarterly", "daily", "today", "yesterday", "weekly",
    "every 3 days", "for 3 days", "x5d", "q8h", "08:30", "14:45", "2-year history", "5 years", "three weeks",
    "a century", "the week", "L4/5", "C5-C6", "T1/2", "S1-S2", "0-10", "1-10", "2+2", "12 lead", "22G", "14 Fr",
    "5 cm", "30/12 mg", "10/12", "3/12 old", "6/52", "7/7", "version 3.2.1", "v1.2.3", "section 4.5.6",
    "1.2.840.10008", "192.168.1.20", "10.0.0.7", "ICD-10", "ICD 10.2", "12345", "1234-5678", "99/99/9999",
    "45/13/2020", "00/00/0000", "32.01.2020", "13/13/2020", "2020-13-01", "2020-00-10", "20201301", "99999999",
    "sat down 3", "sun 3", "mon ami", "jan 2 mg", "second opinion", "dec reflexes", "set of 3", "1 set", "3 sets",
    "out 3", "a go", "ago 3", "mag 5", "gen 2", "Marfan 2", "Mayo clinic 3", "maybe 3", "Junior 3", "Augusta 5 beds",
    "Septic 3", "octopus 3", "Novo 3", "april fool", "juncture 4", "1/2048", "3-4/32", "3.5 a 3.7", "2-3/10",
    "EVA 5/10", "F.M. 4/5", "CI 95-99", "p 0.05", "n 12", "1e-5", "10^9", "5 in 10", "3 of 4", "100/60/40",
    "7.2/13.5/250", "HbA1c 7/2", "pH 7.4/7.35", "12/40", "36+4", "G2P1", "3/7 course", "1000-2000 mg", "15-20 2021x",
    "2021x", "x2021", "A2021", "20/2021/4", "1/12/2020/5", "2.5.7.9", "5.6.7.8", "0/0/00", "500/2000", "99-2020",
    "00/2020", "13/2020", "2020/13", "1.2020", "5.2015 g", "120.80.70", "88.12", "1,2,3", "1, 2 and 3", "[1-3]",
    "(4/5)", "#12", "@12/12x", "12/12x", "12.12x", "p.12.3", "$3.50", "3.50 EUR", "£12.10", "1/4 inch", "3/4 cup",
    "16/16/16", "50.60.70", "400/100/57 mg", "II/VI", "III/6", "Tag 3", "Day 12", "POD 3", "Woche 4", "week 12",
    "T 37,5", "RR 12-14", "HR 60-80", "Sats 94-98", "BMI 22.5", "Wt 80.5 kg", "5/200", "20/200", "6/60", "1 in 20",
    "3 by 4", "4x4", "2D", "3D", "5G",
]  # fmt: skip


def _found(text: str) -> list[str]:
    view = fold(text)
    spans = sorted({(hit.start, hit.end) for hit in DATES.hits(view.text) if hit.score >= 500})
    return [view.text[a:b] for a, b in spans]


def test_the_tables_are_long_enough() -> None:
    assert len(set(WRITTEN + NUMERIC)) + len(IN_CONTEXT) >= 200
    assert len(set(NOT_DATES)) >= 200


@pytest.mark.parametrize("date", sorted(set(WRITTEN + NUMERIC)))
@pytest.mark.parametrize("around", ["seen {} here", "({})", "{}, then"])
def test_dates_are_found_whole(date: str, around: str) -> None:
    whole = fold(date).text
    assert max(_found(around.format(date)), key=len, default="").rstrip(".") == whole.rstrip(".")


@pytest.mark.parametrize(("text", "date"), IN_CONTEXT)
def test_day_and_month_need_help_from_beside(text: str, date: str) -> None:
    assert date in _found(text)
    assert _found(f"x {date.rstrip('.')} y") == []


@pytest.mark.parametrize("text", sorted(set(NOT_DATES)))
def test_what_only_looks_like_a_date(text: str) -> None:
    assert _found(f"{text} noted") == []
