"""The proof of the service: the published vector, and nothing learnt by a stranger."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.clients import ClientEntry, proof_key_of
from proxy.errors import CordonError
from proxy.proof import Hello, Prover, proof_of, read_nonce

TOKEN = "cordon_" + "A" * 43
ORIGIN = "chrome-extension://" + "a" * 32
KID = "93719bf5bdc7b928"
NONCE = bytes(range(32))
HELLO = Hello(KID, NONCE, 1000, "127.0.0.1:8642", ORIGIN)
VECTOR = "0pyNA3sLs0UpuKwn2BqDJ_s_U5BcpxBpIfDNtiNKUpk"
ENTRY = ClientEntry(
    KID, "00" * 32, proof_key_of(TOKEN).hex(), 1000, "extension", ORIGIN, ("use",), "panel", 0, 100, remembered=False
)
OTHERS = tuple(replace(ENTRY, kid=f"{n:016x}", proof_key="11" * 32) for n in range(3))


def answer(hello: Hello, *entries: ClientEntry, now_s: float = 0) -> tuple[str, str]:
    proof = Prover(b"secret").answer(hello, (*OTHERS, *entries), now_s=now_s)
    return proof.proof, proof.state


def test_the_published_vector() -> None:
    assert proof_key_of(TOKEN).hex() == "abb23e0cc883c6abee6c2c56feb5351ddcd1e21751203250bf9b5f921ace3642"
    assert proof_of(proof_key_of(TOKEN), HELLO, "ok") == VECTOR
    assert answer(HELLO, ENTRY) == (VECTOR, "ok")


@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_a_dead_token_is_proven_dead(state: str) -> None:
    dead = replace(ENTRY, sha256="", state=state)
    assert answer(HELLO, dead, now_s=200) == (proof_of(proof_key_of(TOKEN), HELLO, state), state)


def test_a_token_that_is_over_but_not_yet_stripped_is_expired() -> None:
    assert answer(HELLO, ENTRY, now_s=100)[1] == "expired"
    assert answer(HELLO, ENTRY, now_s=99.9)[1] == "ok"


@pytest.mark.parametrize(
    "hello",
    [
        replace(HELLO, kid="f" * 16),
        replace(HELLO, uid=1001),
        replace(HELLO, origin=ORIGIN[:-1] + "b"),
        replace(HELLO, kid=""),
        replace(HELLO, kid="Ä" * 40),
    ],
)
def test_a_stranger_gets_a_proof_that_is_none(hello: Hello) -> None:
    proof, state = answer(hello, ENTRY, now_s=500)
    assert state == "ok"
    assert proof != proof_of(proof_key_of(TOKEN), hello, "ok")
    assert len(proof) == len(VECTOR)
    assert answer(hello, ENTRY) == (proof, "ok")  # the same question again: the same answer, as of a real token


def test_a_program_s_token_proves_nothing() -> None:
    program = replace(ENTRY, kind="token", origin="")
    assert answer(replace(HELLO, origin=""), program)[0] != proof_of(
        proof_key_of(TOKEN), replace(HELLO, origin=""), "ok"
    )


@given(st.sampled_from(["nonce", "host", "origin"]), st.binary(min_size=32, max_size=32))
def test_every_part_counts(part: str, other: bytes) -> None:
    value = other if part == "nonce" else other.hex()
    moved = replace(HELLO, **{part: value})  # type: ignore[arg-type] # one of three fields, with its type
    assert (proof_of(bytes(32), moved, "ok") == proof_of(bytes(32), HELLO, "ok")) == (moved == HELLO)


@given(st.binary(min_size=32, max_size=32))
def test_a_nonce_is_read_back(nonce: bytes) -> None:
    assert read_nonce(urlsafe_b64encode(nonce).decode().rstrip("=")) == nonce


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+", "A" * 42 + "ä", "A" * 42 + "B", " " + "A" * 42]
)
def test_what_is_no_nonce(text: str) -> None:
    with pytest.raises(CordonError, match="bad_request"):
        read_nonce(text)
