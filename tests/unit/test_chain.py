"""Order of records and the chain of signing keys, without a disk."""

import pytest

from audit.chain import BrokenChainError, BrokenOrderError, KeyChain, Order, RangeError
from audit.checkpoint import BadSignatureError, Checkpoint, Note, Signer, sign_checkpoint, sign_statement
from audit.record import Entry, Position
from audit.shapes import b64
from tests.kit.audit_house import BOOT, SHA

HOUR = "2026-11-20T03Z"
ORIGIN = "hospital.example/cordon/ws-7"
KEYS = [Signer(ORIGIN, bytes([number]) * 32) for number in range(5)]
ROOT = bytes(range(32))


def handover(number: int, seq: int, **changes: object) -> Entry:
    body = {
        "v": 1,
        "origin": ORIGIN,
        "t": "2026-11-20T09:00:00.812+05:30",
        "epoch": number,
        "next": str(KEYS[number + 1].vkey),
        "size": seq,
        "root": b64(ROOT),
        "boot": BOOT,
        "month": "202611",
        "seg": SHA["other"],
    }
    return Entry.clear(seq, "K", sign_statement("handover", body | changes, KEYS[number]), hour=HOUR)


def chain() -> KeyChain:
    found = KeyChain(ORIGIN, KEYS[0].vkey)
    for epoch, seq in enumerate((0, 10, 25)):
        found.feed(handover(epoch, seq), ROOT)
    return found


def sealed(seq: int, epoch: int, index: int) -> Entry:
    return Entry.sealed(Position(seq, "R", epoch, index), b"blob", hour=HOUR)


def clear(seq: int, kind: str = "H") -> Entry:
    return Entry.clear(seq, kind, b"{}", hour=HOUR)


def test_an_order_as_it_should_be():
    order = Order()
    entries = (clear(0, "K"), clear(1), sealed(2, 0, 0), sealed(3, 0, 1), clear(4, "K"), sealed(5, 1, 0), clear(6))
    for entry in entries:
        order.feed(entry)
    assert (order.seq, order.epoch, order.index) == (7, 1, 1)


@pytest.mark.parametrize(
    "entries",
    [
        [clear(0)],
        [clear(1, "K")],
        [clear(0, "K"), clear(2)],
        [clear(0, "K"), clear(0)],
        [clear(0, "K"), sealed(1, 1, 0)],
        [clear(0, "K"), sealed(1, 0, 1)],
        [clear(0, "K"), sealed(1, 0, 0), sealed(2, 0, 0)],
        [clear(0, "K"), sealed(1, 0, 0), clear(2, "K"), sealed(3, 0, 1)],
    ],
)
def test_orders_that_are_broken(entries):
    order = Order()
    for entry in entries[:-1]:
        order.feed(entry)
    with pytest.raises(BrokenOrderError):
        order.feed(entries[-1])
    order.skip((entries[-1].seq, entries[-1].kind, entries[-1].epoch or 0, entries[-1].index or 0))
    assert order.seq == entries[-1].seq + 1


def test_a_chain_as_it_should_be():
    found = chain()
    assert [epoch.start for epoch in found.epochs] == [0, 10, 25]
    assert found.keys() == [signer.vkey for signer in KEYS[:3]]
    assert [found.end_of(number) for number in range(3)] == [10, 25, None]


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": 4},
        {"size": 30},
        {"root": b64(bytes(32))},
        {"origin": "a.b/c"},
        {"next": str(Signer("a.b/c", bytes(32)).vkey)},
        {"next": "name+00000000+AAAA"},
    ],
)
def test_a_handover_in_another_place(change):
    with pytest.raises(BrokenChainError):
        chain().feed(handover(3, 40, **change), ROOT)


def test_a_handover_by_another_key():
    found = chain()
    body = handover(3, 40).body
    for broken in (body.replace(b"202611", b"202612"), b"", body[:-3]):
        with pytest.raises(BrokenChainError):
            found.feed(Entry.clear(40, "K", broken, hour=HOUR), ROOT)
    with pytest.raises(BrokenChainError):
        KeyChain(ORIGIN, KEYS[1].vkey).feed(handover(0, 0), ROOT)
    found.feed(handover(3, 40), ROOT)


def checkpoint(size: int, signer: Signer, origin: str = ORIGIN) -> Note:
    return Note.parse(sign_checkpoint(Checkpoint(origin, size, ROOT), signer))


@pytest.mark.parametrize(
    ("size", "key", "right"),
    [
        (0, 0, False),
        (1, 0, True),
        (10, 0, True),
        (11, 0, False),
        (10, 1, False),
        (11, 1, True),
        (25, 1, True),
        (26, 1, False),
        (25, 2, False),
        (26, 2, True),
        (9999, 2, True),
    ],
)
def test_the_range_rule(size, key, right):
    note = checkpoint(size, KEYS[key])
    if right:
        assert chain().verify_range(note).number == key
    else:
        with pytest.raises(RangeError):
            chain().verify_range(note)


def test_checkpoints_of_nobody_we_know():
    for note in (checkpoint(5, KEYS[4]), checkpoint(5, KEYS[0], "a.b/c")):
        with pytest.raises(BadSignatureError):
            chain().verify_range(note)
