"""Bech32 (BIP 173) without the length limit, as age uses it for keys. Not Bech32m. Pure."""

from collections.abc import Iterable

from audit.strictjson import MalformedError

__all__ = ["decode", "encode"]

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(prefix: str, data: bytes) -> str:
    """Return lower-case Bech32 of `data` under `prefix`; upper-case the result for secret keys."""
    values = _regroup(data, 8, 5, pad=True)
    checksum = _polymod([*_expand(prefix), *values, 0, 0, 0, 0, 0, 0]) ^ 1
    tail = [(checksum >> 5 * (5 - place)) & 31 for place in range(6)]
    return prefix + "1" + "".join(_ALPHABET[value] for value in [*values, *tail])


def decode(prefix: str, text: str) -> bytes:
    """Return the data of a key with exactly this prefix; mixed case and a wrong checksum are refused."""
    if text not in (text.lower(), text.upper()):
        raise MalformedError("bech32: mixed case")
    lowered = text.lower()
    head, _, body = lowered.rpartition("1")
    if head != prefix or len(body) < 6:
        raise MalformedError("bech32: another kind of key")
    try:
        values = [_ALPHABET.index(character) for character in body]
    except ValueError:
        raise MalformedError("bech32: character") from None
    if _polymod([*_expand(prefix), *values]) != 1:
        raise MalformedError("bech32: checksum")
    return bytes(_regroup(values[:-6], 5, 8, pad=False))


def _expand(prefix: str) -> list[int]:
    return [ord(character) >> 5 for character in prefix] + [0] + [ord(character) & 31 for character in prefix]


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATOR):
            if top >> place & 1:
                checksum ^= generator
    return checksum


def _regroup(values: Iterable[int], from_bits: int, to_bits: int, *, pad: bool) -> list[int]:
    gathered, bits, groups = 0, 0, []
    for value in values:
        gathered = gathered << from_bits | value
        bits += from_bits
        while bits >= to_bits:
            bits -= to_bits
            groups.append(gathered >> bits & (1 << to_bits) - 1)
        gathered &= (1 << bits) - 1
    if pad:
        if bits:
            groups.append(gathered << to_bits - bits & (1 << to_bits) - 1)
    elif bits >= from_bits or gathered:
        raise MalformedError("bech32: padding")
    return groups
