"""Sealing against the check values, and against a second Cobblestone written from the format alone."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import bech32
from audit.record import Entry, Position
from audit.seal import (
    Identity,
    NotOpenedError,
    Ratchet,
    age_decrypt,
    age_decrypt_passphrase,
    age_encrypt,
    age_encrypt_passphrase,
    age_stanzas,
    blob_context,
    blob_length,
    commitment,
    open_record,
    pad,
    record_key,
    seal_record,
    subject_ref,
    unpad,
)
from audit.strictjson import MalformedError

VECTORS = json.loads((Path(__file__).parents[1] / "golden/audit/vectors.json").read_text())
K_S = bytes.fromhex(VECTORS["k_s"])
PLACE = Position(seq=1, kind="R", epoch=0, index=0)


def counter_random():
    """Deterministic bytes, different at every call."""
    calls = iter(range(1_000_000))
    return lambda count: hashlib.shake_256(str(next(calls)).encode()).digest(count)


def expand_sha512(key: bytes, info: bytes, length: int) -> bytes:
    out, block, number = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([number]), "sha512")
        out, number = out + block, number + 1
    return out[:length]


def second_cobblestone(key: bytes, salt: bytes, context: bytes, plain: bytes) -> bytes:
    """The construction as docs/formats/audit-v1.md writes it, without the library."""
    label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
    derived = expand_sha512(key, label + salt + context, 76)
    cipher, nonce12, commit32 = AESGCM(derived[:32]), derived[32:44], derived[44:]
    out, number, rest = salt + commit32, 0, plain
    while True:
        chunk, rest, last = rest[:16384], rest[16384:], len(rest) < 16384
        nonce = (int.from_bytes(nonce12, "big") ^ number).to_bytes(12, "big")
        out += cipher.encrypt(nonce, chunk, None)
        if last:
            return out
        number += 1


def test_ratchet_check_values():
    ratchet = Ratchet(K_S, VECTORS["origin"], 0)
    assert bytes(ratchet._chain).hex() == VECTORS["ck_0"]
    assert ratchet.advance().hex() == VECTORS["rk_0"]
    assert ratchet.advance().hex() == VECTORS["rk_1"]
    assert ratchet.index == 2


def test_ratchet_is_bound_to_origin_and_epoch():
    keys = {Ratchet(K_S, origin, epoch).advance() for origin in ("a.b/c", "a.b/d") for epoch in (0, 1)}
    assert len(keys) == 4


def test_ratchet_shows_no_key_and_forgets():
    ratchet = Ratchet(K_S, VECTORS["origin"], 0)
    assert repr(ratchet) == "Ratchet(index=0, 32 bytes)"
    ratchet.forget()
    assert bytes(ratchet._chain) == bytes(32)


def test_record_key_walks_forward_only():
    ratchet = Ratchet(K_S, VECTORS["origin"], 0)
    assert record_key(ratchet, 1).hex() == VECTORS["rk_1"]
    with pytest.raises(NotOpenedError):
        record_key(ratchet, 0)


def test_sealing_check_value_by_the_second_implementation():
    vector = VECTORS["seal"]
    plain = pad(vector["plaintext"].encode())
    context = blob_context(PLACE, vector["length"])
    blob = second_cobblestone(bytes.fromhex(VECTORS["rk_0"]), bytes.fromhex(vector["salt"]), context, plain)
    assert len(blob) == vector["length"] == blob_length(256)
    assert blob[24:56].hex() == vector["commit32"]
    entry = Entry.sealed(PLACE, blob, hour="2026-11-20T03Z")
    assert entry.leaf().decode() == VECTORS["entry"] + "\n"
    assert unpad(open_record(bytes.fromhex(VECTORS["rk_0"]), entry, blob)) == vector["plaintext"].encode()


@pytest.mark.parametrize("size", [256, 16_128, 16_384, 16_640, 32_768, 65_536])
def test_library_and_second_implementation_agree(size):
    key, plain = bytes(range(32)), b"x" * size
    blob = seal_record(key, PLACE, plain)
    assert len(blob) == blob_length(size)
    assert blob == second_cobblestone(key, blob[:24], blob_context(PLACE, len(blob)), plain)


@pytest.mark.parametrize(
    "wrong",
    [
        Position(2, "R", 0, 0),
        Position(1, "Z", 0, 0),
        Position(1, "R", 1, 0),
        Position(1, "R", 0, 1),
    ],
)
def test_a_blob_opens_only_in_its_place(wrong):
    blob = seal_record(bytes(32), PLACE, pad(b'{"v":1}'))
    with pytest.raises(NotOpenedError):
        open_record(bytes(32), Entry.sealed(wrong, blob, hour="2026-11-20T03Z"), blob)


def test_every_flipped_byte_and_every_cut_is_refused():
    blob = seal_record(bytes(32), PLACE, pad(b'{"v":1}'))
    entry = Entry.sealed(PLACE, blob, hour="2026-11-20T03Z")
    for place in range(len(blob)):
        broken = bytearray(blob)
        broken[place] ^= 1
        with pytest.raises(NotOpenedError):
            open_record(bytes(32), entry, bytes(broken))
    for length in (0, 10, 55, 56, len(blob) - 1):
        with pytest.raises(NotOpenedError):
            open_record(bytes(32), entry, blob[:length])
    with pytest.raises(NotOpenedError):
        open_record(bytes(32), Entry.clear(1, "H", b"{}", hour="2026-11-20T03Z"), blob)


@given(st.integers(1, 3000))
@settings(max_examples=30, deadline=None)
def test_padding_is_exact(length):
    data = b"{" + b"x" * (length - 1)
    padded = pad(data)
    assert len(padded) % 256 == 0
    assert len(padded) - length < 256
    assert unpad(padded) == data


@pytest.mark.parametrize("data", [b"", b" " * 256, b"{}", b"{}".ljust(512), b"{}".ljust(255)])
def test_other_padding_is_refused(data):
    with pytest.raises(MalformedError):
        unpad(data)


def test_too_large_a_record_is_refused():
    pad(b"x" * 65_536)
    with pytest.raises(MalformedError):
        pad(b"x" * 65_537)


def test_commitment_separates_parts():
    salt = bytes(16)
    values = {commitment(salt, parts) for parts in (["ab"], ["a", "b"], ["b", "a"], ["ab", ""], [])}
    assert len(values) == 5
    expected = hmac.digest(salt, b"\x00\x00\x00\x03" + "é1".encode(), "sha256").hex()
    assert commitment(salt, ["é1"]) == f"hmac-sha256:{expected}"


def test_subject_pseudonym_is_stable_and_keyed():
    assert subject_ref(bytes(32), "A1") == subject_ref(bytes(32), "A1")
    assert len({subject_ref(bytes(32), "A1"), subject_ref(bytes(32), "A2"), subject_ref(b"\x01" * 32, "A1")}) == 3


def test_identity_text_forms_round_trip():
    identity = Identity(bytes(range(32)))
    assert Identity.parse(identity.secret()) == identity
    assert identity.secret().startswith("AGE-SECRET-KEY-PQ-1")
    assert identity.recipient().startswith("age1pq1")
    assert repr(identity) == "Identity(32 bytes)"
    with pytest.raises(MalformedError):
        Identity.parse(identity.secret().lower())
    with pytest.raises(MalformedError):
        Identity.parse(identity.secret()[:-1] + ("P" if identity.secret()[-1] == "Q" else "Q"))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_age_round_trip(size):
    random, identity = counter_random(), Identity(b"\x07" * 32)
    payload = bytes(size % 251 for _ in range(size))
    data = age_encrypt([identity.recipient()], payload, random)
    assert age_stanzas(data) == ("mlkem768x25519",)
    assert age_decrypt([Identity(bytes(32)), identity], data) == payload
    with pytest.raises(NotOpenedError):
        age_decrypt([Identity(bytes(32))], data)


def test_age_several_recipients_each_open():
    identities = [Identity(bytes([number]) * 32) for number in range(3)]
    data = age_encrypt([identity.recipient() for identity in identities], b"keyring", counter_random())
    assert age_stanzas(data) == ("mlkem768x25519",) * 3
    assert {age_decrypt([identity], data) for identity in identities} == {b"keyring"}


def test_age_to_nobody_fails():
    with pytest.raises(MalformedError):
        age_encrypt([], b"x", counter_random())
    with pytest.raises(MalformedError):
        age_encrypt(["age1pq1qqqqqqqqqqqq"], b"x", counter_random())


def test_age_refuses_changes_anywhere():
    identity = Identity(b"\x07" * 32)
    data = age_encrypt([identity.recipient()], b"secret", counter_random())
    for place in [*range(0, len(data), 7), len(data) - 1]:
        broken = bytearray(data)
        broken[place] ^= 1
        with pytest.raises((NotOpenedError, MalformedError)):
            age_decrypt([identity], bytes(broken))
    for length in (0, 21, 30, 1600, len(data) - 1):
        with pytest.raises((NotOpenedError, MalformedError)):
            age_decrypt([identity], data[:length])


def test_age_refuses_other_recipient_types_and_lengths():
    identity = Identity(b"\x07" * 32)
    data = age_encrypt([identity.recipient()], b"secret", counter_random())
    for old, new in ((b"mlkem768x25519 ", b"X25519 "), (b"mlkem768x25519 ", b"mlkem768x25519 AA ")):
        with pytest.raises(MalformedError):
            age_decrypt([identity], data.replace(old, new, 1))


def test_passphrase_layer_round_trip_and_limits():
    data = age_encrypt_passphrase("abcde-fghij-klmno-pqrst", b"AGE", counter_random())
    assert age_decrypt_passphrase("abcde-fghij-klmno-pqrst", data) == b"AGE"
    with pytest.raises(NotOpenedError):
        age_decrypt_passphrase("abcde-fghij-klmno-pqrsu", data)
    with pytest.raises(MalformedError):
        age_decrypt_passphrase("x", data.replace(b" 18\n", b" 25\n"))
    with pytest.raises(MalformedError):
        age_decrypt_passphrase("x", data.replace(b"-> scrypt", b"-> scrypx"))
    with pytest.raises(MalformedError):
        age_decrypt([Identity(bytes(32))], data)


def test_x_wing_key_of_the_draft():
    """draft-connolly-cfrg-xwing-kem, first test vector: the public key of this seed begins and ends so."""
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    public = bech32.decode("age1pq", Identity(seed).recipient()).hex()
    assert len(public) == 2 * 1216
    assert public.startswith("e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5")
    assert public.endswith("859edb06eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534")
