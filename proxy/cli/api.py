"""Ask the running service over its unix socket. Shared by the verbs that manage tokens and panels.

Law: the socket is trusted only if nobody else could have put it there: its directory belongs to root or this user and
is writable by nobody else, and the kernel says that root, the service's account or this user listens.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import pwd
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from proxy.cli.command import complain
from proxy.config import ConfigError, load_settings
from proxy.peer import unix_peer

__all__ = ["Reply", "ask_service", "evidence_now", "where_arguments"]

_SERVICE_ACCOUNT = "cordon"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the service said, and the account it runs under."""

    body: dict[str, object]
    uid: int


class _NoServiceError(Exception):
    """The service cannot be asked; the message is a sentence for a person."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket that belongs to the service."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("cordon", timeout=timeout_s)
        self._path = path
        self.uid = -1

    def connect(self) -> None:
        """Connect, if nobody else could have put the socket there."""
        owner = self._path.parent.stat()
        if owner.st_uid not in (0, os.geteuid()) or stat.S_IMODE(owner.st_mode) & 0o022:
            raise _NoServiceError("The directory of api.sock could be written by others; nothing was sent")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
        uid = unix_peer(self.sock)
        if uid is None or uid not in _trusted():
            raise _NoServiceError(f"A program of another user (uid {uid}) listens on api.sock; nothing was sent")
        self.uid = uid


def _trusted() -> frozenset[int]:
    try:
        service = pwd.getpwnam(_SERVICE_ACCOUNT).pw_uid
    except KeyError:
        service = 0
    return frozenset({0, os.geteuid(), service})


def ask_service(args: argparse.Namespace, path: str, wish: dict[str, object], *, timeout_s: float = 10) -> Reply | None:
    """POST `wish`; None after saying on stderr why there is no answer."""
    try:
        api_socket = args.socket or load_settings(args.config).access.socket
        status, reply = _post(api_socket, path, wish, timeout_s)
    except (ConfigError, _NoServiceError) as error:
        complain(str(error))
        return None
    except (OSError, http.client.HTTPException, ValueError):
        complain("the service does not answer on its unix socket; is `cordon serve` running?")
        return None
    if status == 200:
        return reply
    said = reply.body.get("error")
    words = (said.get("message", ""), said.get("next", "")) if isinstance(said, dict) else ("refused",)
    complain(" ".join(words))
    return None


def evidence_now(api_socket: Path) -> dict[str, str] | None:
    """What a running service measured last, as level and sentence; None where nobody can tell.

    Only for callers who know that the service runs: under systemd asking alone would start it.
    """
    try:
        status, reply = _post(api_socket, "/cordon/v1/status", {}, 3)
    except (OSError, http.client.HTTPException, ValueError, _NoServiceError):
        return None
    found = reply.body.get("evidence")
    if status != 200 or not isinstance(found, dict):
        return None
    return {key: str(found.get(key, "")) for key in ("level", "sentence")}


def _post(api_socket: Path, path: str, wish: dict[str, object], timeout_s: float) -> tuple[int, Reply]:
    connection = _UnixConnection(api_socket, timeout_s)
    try:
        connection.request("POST", path, json.dumps(wish), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, Reply(json.loads(response.read()), connection.uid)
    finally:
        connection.close()


def where_arguments(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--socket`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument(
        "--socket", type=Path, metavar="FILE", help="the service's unix socket, instead of the settings'"
    )
