"""Check-digit algorithms of the identifiers we know.

Law: a function takes the value as it stands in the text (separators allowed), returns whether its check digit is
right, and never raises. A failed check never clears a value: people mistype, and a mistyped number still identifies.
Sources are named per function; none is copied from a library.
"""

from __future__ import annotations

__all__ = [
    "aadhaar", "bsn", "codice_fiscale", "dea", "dni", "emirates_id", "iban", "kvnr", "lk_nic", "lk_phn", "luhn", "nhs",
    "nie", "nir", "npi", "sg_nric", "ssn", "steuer_id",
]  # fmt: skip


def _digits(value: str) -> str:
    return "".join(c for c in value if "0" <= c <= "9")


def _compact(value: str) -> str:
    return "".join(c for c in value if c.isalnum() and c.isascii()).upper()


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1 annex B: double every second digit from the right."""
    digits = _digits(value)
    if len(digits) < 2 or not digits.strip("0"):
        return False
    total = 0
    for i, digit in enumerate(reversed(digits)):
        n = int(digit) * (1 + i % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def iban(value: str) -> bool:
    """ISO 13616: the number, with country and check digits moved behind, is 1 modulo 97."""
    flat = _compact(value)
    if not 15 <= len(flat) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in flat[4:] + flat[:4])) % 97 == 1


_LK_WEIGHTS = (8, 4, 3, 2, 7, 6, 5, 8, 4, 3, 2)


def lk_nic(value: str) -> bool:
    """Sri Lankan NIC, a rule of the community (the authority publishes none), so it only ever raises a score."""
    digits = _digits(value)
    if len(digits) == 9:
        digits = "19" + digits[:5] + "0" + digits[5:]
    if len(digits) != 12:
        return False
    rest = _weighted(digits, _LK_WEIGHTS) % 11
    return int(digits[11]) == (0 if rest < 2 else 11 - rest)


def lk_phn(value: str) -> bool:
    """Sri Lankan personal health number, version 1: 15 digits with a Luhn digit."""
    return len(_compact(value)) == 15 and _compact(value).isdigit() and luhn(value)


_SG_LETTERS = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}
_SG_OFFSET = {"S": 0, "T": 4, "F": 0, "G": 4, "M": 3}


def sg_nric(value: str) -> bool:
    """Singapore NRIC and FIN. The M series (since 2022) reads its table backwards."""
    flat = _compact(value)
    if len(flat) != 9 or flat[0] not in _SG_LETTERS or not flat[1:8].isdigit():
        return False
    rest = (_SG_OFFSET[flat[0]] + _weighted(flat[1:8], (2, 7, 6, 5, 4, 3, 2))) % 11
    return flat[8] == _SG_LETTERS[flat[0]][10 - rest if flat[0] == "M" else rest]


def emirates_id(value: str) -> bool:
    """Emirates ID: 15 digits with a Luhn digit (some early cards fail it)."""
    return len(_digits(value)) == 15 and luhn(value)


def nhs(value: str) -> bool:
    """NHS, CHI and H&C numbers (NHS Data Dictionary): weights 10 to 2 modulo 11."""
    digits = _digits(value)
    if len(digits) != 10:
        return False
    check = 11 - _weighted(digits[:9], (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return check != 10 and int(digits[9]) == check % 11


def steuer_id(value: str) -> bool:
    """German tax identification number (§ 139b AO): one digit repeats, ISO 7064 mod 11,10."""
    digits = _digits(value)
    if len(digits) != 11 or digits[0] == "0":
        return False
    counts = sorted(digits.count(d, 0, 10) for d in "0123456789")
    if counts[-1] not in (2, 3) or counts[-2] > 1:
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return int(digits[10]) == (11 - product) % 10


def kvnr(value: str) -> bool:
    """German health insurance number (§ 290 SGB V): the letter counts as two digits, digit sums modulo 10."""
    flat = _compact(value)
    if len(flat) != 10 or not flat[0].isalpha() or not flat[1:].isdigit():
        return False
    digits = f"{ord(flat[0]) - 64:02d}{flat[1:9]}"
    products = (int(d) * (1 + i % 2) for i, d in enumerate(digits))
    return sum(p // 10 + p % 10 for p in products) % 10 == int(flat[9])


def nir(value: str) -> bool:
    """French social security number (INSEE): 97 minus the number modulo 97, Corsica counted as 19 and 18."""
    flat = _compact(value)
    if len(flat) != 15:
        return False
    number = flat[:13].replace("2A", "19", 1) if flat[5:7] == "2A" else flat[:13].replace("2B", "18", 1)
    if not (number + flat[13:]).isdigit():
        return False
    return int(flat[13:]) == 97 - int(number) % 97


_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def dni(value: str) -> bool:
    """Spanish DNI (RD 1553/2005): the letter is the number modulo 23."""
    flat = _compact(value)
    return len(flat) == 9 and flat[:8].isdigit() and flat[8] == _DNI_LETTERS[int(flat[:8]) % 23]


def nie(value: str) -> bool:
    """Spanish NIE: X, Y, Z stand for 0, 1, 2 in front of a DNI."""
    flat = _compact(value)
    return len(flat) == 9 and flat[0] in "XYZ" and dni(f"{'XYZ'.index(flat[0])}{flat[1:]}")


_CF_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def codice_fiscale(value: str) -> bool:
    """Italian tax code (DM 23.12.1976): odd and even places have tables of their own, modulo 26."""
    flat = _compact(value)
    if len(flat) != 16:
        return False
    odd = sum(_CF_ODD[c] for c in flat[0:15:2])
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in flat[1:15:2])
    return flat[15] == chr(65 + (odd + even) % 26)


def bsn(value: str) -> bool:
    """Dutch BSN: weights 9 to 2 and -1, modulo 11."""
    digits = _digits(value).zfill(9)
    return len(digits) == 9 and bool(digits.strip("0")) and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


_VERHOEFF_MULTIPLY = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_PERMUTE = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def aadhaar(value: str) -> bool:
    """Indian Aadhaar (UIDAI): 12 digits, Verhoeff, first digit 2 to 9, no palindrome."""
    digits = _digits(value)
    if len(digits) != 12 or digits[0] in "01" or digits == digits[::-1]:
        return False
    state = 0
    for i, digit in enumerate(reversed(digits)):
        state = int(_VERHOEFF_MULTIPLY[state][int(_VERHOEFF_PERMUTE[i % 8][int(digit)])])
    return state == 0


def ssn(value: str) -> bool:
    """US social security number: the Social Security Administration never issued these parts."""
    digits = _digits(value)
    return len(digits) == 9 and digits[:3] not in ("000", "666") and digits[3:5] != "00" and digits[5:] != "0000"


def npi(value: str) -> bool:
    """US national provider identifier (45 CFR 162.406): Luhn over 80840 and the number."""
    digits = _digits(value)
    return len(digits) == 10 and luhn("80840" + digits)


def dea(value: str) -> bool:
    """US DEA registration: (d1+d3+d5 + 2(d2+d4+d6)) modulo 10 is d7."""
    digits = _digits(_compact(value)[2:])
    if len(digits) != 7:
        return False
    return (_weighted(digits[:6], (1, 2, 1, 2, 1, 2))) % 10 == int(digits[6])
