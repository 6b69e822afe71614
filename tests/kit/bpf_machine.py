"""A machine for the five instructions of classic BPF that the lock's programs use (linux/bpf_common.h, seccomp(2))."""

import struct
from collections.abc import Sequence

__all__ = ["ALLOW", "KILL", "outcome_of", "run"]

ALLOW, KILL = "allow", "kill"
_WORDS = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def run(program: bytes, data: bytes) -> int:
    """Run a program over one struct seccomp_data and return its action."""
    code = list(struct.iter_unpack("<HBBI", program))
    at, register = 0, 0
    while True:
        op, yes, no, value = code[at]
        at += 1
        if op == 0x20:
            (register,) = struct.unpack_from("<I", data, value)
        elif op == 0x54:
            register &= value
        elif op == 0x15:
            at += yes if register == value else no
        elif op == 0x35:
            at += yes if register >= value else no
        elif op == 0x06:
            return int(value)
        else:
            raise AssertionError(f"instruction {op:#x} is none of ours")


def outcome_of(program: bytes, arch: str | int, number: int, arguments: Sequence[int] = ()) -> str | int:
    """Return `allow`, `kill`, or the errno a call is refused with."""
    word = _WORDS[arch] if isinstance(arch, str) else arch
    padded = (*arguments, *([0] * (6 - len(arguments))))
    action = run(program, struct.pack("<IIQ6Q", number, word, 0, *(value & (1 << 64) - 1 for value in padded)))
    if action == 0x7FFF0000:
        return ALLOW
    if action == 0x80000000:
        return KILL
    assert action & 0xFFFF0000 == 0x00050000
    return action & 0xFFFF
