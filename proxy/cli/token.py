"""`cordon token create | list | revoke`: tokens of programs, over the service's unix socket.

    cordon token create monitoring --scope metrics --days 30

Law: the token is printed once, alone on stdout, so that a script can take it; the service keeps only its hash.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import os
import socket
import stat
import sys
from pathlib import Path

__all__ = ["add_parser", "run_token"]

_DONE, _NO, _FAILED = 0, 1, 2


class _NoServiceError(Exception):
    """The service cannot be asked; the message is a sentence for a person."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket that belongs to the service."""

    def __init__(self, path: Path) -> None:
        super().__init__("cordon", timeout=10)
        self._path = path

    def connect(self) -> None:
        """Connect, if nobody else could have put the socket there."""
        owner = self._path.parent.stat()
        if owner.st_uid not in (0, os.geteuid()) or stat.S_IMODE(owner.st_mode) & 0o022:
            raise _NoServiceError("The directory of api.sock could be written by others; nothing was sent")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `token` to the command line."""
    parser = commands.add_parser(
        "token", help="make, list and revoke tokens of programs", description="Tokens of programs.",
        epilog="example: cordon token create monitoring --scope metrics --days 30",
    )  # fmt: skip
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a token and print it once")
    create.add_argument("name", help="what the token is for")
    create.add_argument("--scope", action="append", choices=("use", "metrics"), help="what it allows (default: use)")
    create.add_argument("--days", type=float, default=90, help="how long it lives (default 90, at most 365)")
    create.add_argument("--uid", type=int, help="for another user; only root may")
    actions.add_parser("list", help="list tokens").add_argument("--json", action="store_true", help="for machines")
    revoke = actions.add_parser("revoke", help="end a token and its open answers")
    revoke.add_argument("kid", help="the id that `list` shows, or `all`")
    return parser


def run_token(arguments: argparse.Namespace, api_socket: Path) -> int:
    """Run the command; returns the exit status."""
    try:
        status, reply = _ask(api_socket, _wish(arguments))
    except _NoServiceError as error:
        print(error, file=sys.stderr)
        return _FAILED
    except (OSError, http.client.HTTPException, ValueError):
        print("The service does not answer on its unix socket; is `cordon serve` running?", file=sys.stderr)
        return _FAILED
    if status != 200:
        said = reply.get("error")
        words = (said.get("message", ""), said.get("next", "")) if isinstance(said, dict) else ("Refused.",)
        print(*words, file=sys.stderr)
        return _FAILED
    return _show(arguments, reply)


def _wish(arguments: argparse.Namespace) -> dict[str, object]:
    match arguments.action:
        case "create":
            scopes = arguments.scope or ["use"]
            wish = {"op": "add", "label": arguments.name, "scopes": scopes, "days": arguments.days}
            return wish if arguments.uid is None else wish | {"uid": arguments.uid}
        case "revoke":
            return {"op": "revoke", "kid": arguments.kid}
        case _:
            return {"op": "list"}


def _ask(api_socket: Path, wish: dict[str, object]) -> tuple[int, dict[str, object]]:
    connection = _UnixConnection(api_socket)
    try:
        connection.request("POST", "/cordon/v1/clients", json.dumps(wish), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _show(arguments: argparse.Namespace, reply: dict[str, object]) -> int:
    if arguments.action == "create":
        print(reply["token"])
        print(f"Shown once. Its id is {reply['kid']}; it ends {_day(reply['expires'])}.", file=sys.stderr)
        return _DONE
    if arguments.action == "revoke":
        print(f"{reply['revoked']} ended.")
        return _DONE if reply["revoked"] else _NO
    clients = reply["clients"]
    if arguments.json:
        print(json.dumps(clients))
        return _DONE
    for client in clients if isinstance(clients, list) else ():
        scopes = ",".join(client["scopes"])
        print(f"{client['kid']}  {client['state']:8} until {_day(client['expires'])}  {scopes:12} {client['label']}")
    return _DONE


def _day(seconds: object) -> str:
    return dt.datetime.fromtimestamp(int(str(seconds)), dt.UTC).strftime("%Y-%m-%d")
