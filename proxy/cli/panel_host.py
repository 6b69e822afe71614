"""`cordon-panel-host`: the native messaging host by which a managed browser connects its panel without a code.

    browser -> length, JSON {"op": "token"[, "origin"]} -> this program -> api.sock -> a token bound to that Origin

Law: the browser starts this program only for the extension that the system-wide manifest names, and Chromium tells
which one as the first argument (Firefox does not: there the manifest's `allowed_extensions` decides, and the panel
tells its own Origin, which is made at installation). One message, one answer, end. Nothing else is written.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from proxy.access import INSTALLED_ORIGIN
from proxy.cli.api import ask_service

__all__ = ["answer", "main", "origin_of"]

_LENGTH = struct.Struct("=I")  # native byte order: both browsers' documentation of native messaging
_MOST = 4096
_SCHEME = "chrome-extension://"


def origin_of(arguments: Sequence[str], message: dict[str, object]) -> str | None:
    """The Origin of the extension that asks, or None if this browser does not make it certain."""
    first = arguments[0] if arguments else ""
    if first.startswith(_SCHEME):
        return first.rstrip("/")
    said = message.get("origin")
    if not isinstance(said, str) or not INSTALLED_ORIGIN.fullmatch(said):
        return None
    return said


def answer(arguments: Sequence[str], message: object, api_socket: Path | None) -> dict[str, object]:
    """Fetch a token for the extension that asks."""
    if not isinstance(message, dict) or message.get("op") != "token":
        return {"error": "bad_request"}
    origin = origin_of(arguments, message)
    if origin is None:
        return {"error": "origin_refused"}
    where = argparse.Namespace(socket=api_socket, config=None)
    reply = ask_service(where, "/cordon/v1/clients", {"op": "panel", "origin": origin})
    if reply is None:
        return {"error": "not_ready"}
    return {key: reply.body[key] for key in ("token", "kid", "expires")}


def main() -> int:
    """Read one message, answer it."""
    arguments = sys.argv[1:]
    api_socket = None
    if "--socket" in arguments:  # for tests, and for a service whose settings lie elsewhere
        at = arguments.index("--socket")
        api_socket, arguments = Path(arguments[at + 1]), arguments[:at] + arguments[at + 2 :]
    try:
        message = _read(sys.stdin.buffer)
    except ValueError:
        return 2
    reply = json.dumps(answer(arguments, message, api_socket)).encode()
    sys.stdout.buffer.write(_LENGTH.pack(len(reply)) + reply)
    sys.stdout.buffer.flush()
    return 0


def _read(stream: BinaryIO) -> object:
    """One message. Raises ValueError."""
    head = stream.read(_LENGTH.size)
    if len(head) != _LENGTH.size or not 0 < (length := _LENGTH.unpack(head)[0]) <= _MOST:
        raise ValueError("no message")
    return json.loads(stream.read(length))


if __name__ == "__main__":
    sys.exit(main())
