"""Plate of a vehicle, beside a word for it: "reg KT19 ZVB", "Kennzeichen HH-AB 1234", "targa FX 204 LM"."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_STRONG = (
    "(?:number|license|licence|registration|vehicle) plate|reg(?:istration)? plate|plates?|kennzeichen|"
    "plaque|immatriculation|immatriculée?|immat|matrícula|matricula|placas?|targat[oa]|targa|kenteken|nummerplaat|chapa|"
    "nummernschild|dominio|patente"
)
_WEAK = (
    "reg|regd|registration|registered|vehicle|car|van|truck|lorry|bus|taxi|cab|bike|motorbike|motorcycle|scooter|"
    "three-wheeler|tuk-tuk|tuk|ambulance|kfz|pkw|lkw|auto|wagen|rtw|nef|ktw|krad|roller|fahrzeug|véhicule|voiture|"
    "camion|moto|coche|vehículo|furgoneta|viatura|veículo|carro|motocicleta|automóvel|auto|vettura|veicolo|furgone|"
    "autovettura|voertuig|bestelbus|brommer"
)
_SHAPES = (
    r"[A-Z]{2}\d{2} ?[A-Z]{3}",  # KT19 ZVB
    r"[A-Z]\d{1,3} ?[A-Z]{3}",  # P441 KLM
    r"[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} ?-?\d{1,4}[EH]?",  # IZ-RD 2831
    r"[A-Z]{2}[ -]\d{3}[ -][A-Z]{2}",  # GK-418-RT, FX 204 LM
    r"[A-Z]{2}\d{3}[A-Z]{2}",
    r"\d{4}[ -]?[B-DF-HJ-NP-TV-Z]{3}",  # 4471 KLM
    r"(?:[A-Z]{2} )?[A-Z]{2,3}[ -]\d{4}",  # CP QH-4418, WP CAB-1234
    r"[A-Z]{2}-\d{2}-[A-Z]{2}|\d{2}-[A-Z]{2}-\d{2}|\d{2}-\d{2}-[A-Z]{2}|[A-Z]{2}-\d{2}-\d{2}",  # AX-71-QD
    r"[A-Z0-9]{1,3}-[A-Z0-9]{2,3}-[A-Z0-9]{1,2}",  # K-771-ZP
    r"[A-Z]{3}-?\d[A-Z0-9]\d{2}",  # RXM4J77
    r"S[A-Z]{2} ?\d{1,4} ?[A-Z]",  # SGX 1234 A
    r"[A-Z]{2}[ -]?\d{1,2}[ -]?[A-Z]{1,2}[ -]?\d{4}",  # KA 05 MN 4471
)
_ANY = r"[A-ZÄÖÜ0-9]{1,4}(?:[ -][A-Z0-9]{1,4}){0,3}|[A-Z0-9]{5,8}"
_MARK = r"(?:(?i:no|nr|number|n[°ºo]|n\.[ºo]|#)[.:]?)"
_LINK = rf"(?:[ \t]{{0,2}}[:=(\"'-]{{0,2}}[ \t]?)(?:{_MARK}[ \t:=]{{0,2}})?(?:(?i:is|is:|was|ist|war|es|est|è|é) )?"
_BETWEEN = r"(?:(?:[a-zà-ÿ]{3,12}|\([a-zà-ÿ -]{3,20}\))[ :(]{1,2})?"
_END = r"(?![\w@%]|[./,:-]\d)"
_SHAPED = "|".join(_SHAPES)
_MODEL = re.compile(r"(?:COVID|SARS|HIV|ICD|DSM|NYHA|ASA|LCP|DCP|PHILOS|VA)(?![A-Z])")


def _plate(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Letters and two digits or more, at most nine signs in all: no name of a plate for bones, no year."""
    value = text[start:end]
    digits = sum(c.isdigit() for c in value)
    letters = sum(c.isalpha() for c in value)
    if not letters or digits < 2 or not 5 <= digits + letters <= 10 or _MODEL.match(value):
        return None
    return start, end, 0


def _starts() -> tuple[str, ...]:
    words = {"number", "license", "licence", "registration", "vehicle", "reg", "plate", "plates", "immatriculé"}
    words |= {"immatriculée", "placa", "placas", "targato", "targata", "three", "tuk"}
    return tuple(sorted(words | {word for word in (_STRONG + "|" + _WEAK).split("|") if word.isalpha()}))


RECOGNIZER = Recognizer(
    kind="vehicle_plate",
    type=Type.ID,
    patterns=(
        rf"(?<![^\W_])(?P<cue>(?i:{_STRONG})){_LINK}{_BETWEEN}(?P<value>{_SHAPED}){_END}",
        rf"(?<![^\W_])(?P<cue>(?i:{_STRONG})){_LINK}(?P<value>(?=(?:[A-Z -]{{0,5}}\d){{3}})(?:{_ANY})){_END}",
        rf"(?<![^\W_])(?P<cue>(?i:{_WEAK})){_LINK}(?P<value>{_SHAPED}){_END}",
    ),
    scores=Scores(cued=850),
    starts=_starts(),
    guarded=False,
    exact_case=True,
    refine=_plate,
)

EXAMPLES = Examples(
    match=(
        "still driving his van (reg «KT19 ZVB»)",
        "RTW «IZ-RD 2831»   Bes.: J",
        "Kennzeichen «HH-AB 1234»",
        "amtl. Kennzeichen: «M-XY 99E»",
        "le véhicule («GK-418-RT») est",
        "Autista ambulanza targa «FX 204 LM».",
        "scooter vs auto (kenteken «K-771-ZP»)",
        "Viatura «AX-71-QD», seguro",
        "moto x carreta. Placa «RXM4J77».",
        "Matrícula implicada «4471 KLM» (parte",
        "vehicle «CP QH-4418») on",
        "three-wheeler «WP ABC-1234» turned over",
        "license plate «7ABC123»",
        "car no. «KA 05 MN 4471»",
        "immatriculée «AB-123-CD»",
    ),
    no_match=(
        "plate and screws",
        "plate LCP 3.5 mm",
        "locking plate 12 hole",
        "placa ateromatosa 2024",
        "matrícula 55.0193.0028-7",
        "car accident 2019",
        "reg B12 injections",
        "the van at 12:30",
        "patente dal 2019",
        "auto 2020",
        "bus 42",
        "reg SARS-COV-2 PCR",
        "targa 12",
        "Kennzeichen der Krankheit 2021",
        "registered 2 weeks",
    ),
)
