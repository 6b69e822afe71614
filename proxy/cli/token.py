"""`cordon token create`, `list`, `revoke`: tokens of programs, over the service's unix socket.

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

from proxy.cli.command import Command, Exit, complain
from proxy.config import ConfigError, load_settings

__all__ = ["COMMANDS"]


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


def _create(args: argparse.Namespace) -> int:
    wish = {"op": "add", "label": args.name, "scopes": args.scope or ["use"], "days": args.days}
    reply = _reply(args, wish if args.uid is None else wish | {"uid": args.uid})
    if reply is None:
        return Exit.FAILED
    print(reply["token"])
    print(f"Shown once. Its id is {reply['kid']}; it ends {_day(reply['expires'])}.", file=sys.stderr)
    return Exit.DONE


def _list(args: argparse.Namespace) -> int:
    reply = _reply(args, {"op": "list"})
    if reply is None:
        return Exit.FAILED
    clients = reply["clients"]
    if args.json:
        print(json.dumps(clients))
        return Exit.DONE
    for client in clients if isinstance(clients, list) else ():
        scopes = ",".join(client["scopes"])
        print(f"{client['kid']}  {client['state']:8} until {_day(client['expires'])}  {scopes:12} {client['label']}")
    return Exit.DONE


def _revoke(args: argparse.Namespace) -> int:
    reply = _reply(args, {"op": "revoke", "kid": args.kid})
    if reply is None:
        return Exit.FAILED
    print(f"{reply['revoked']} ended.")
    return Exit.DONE if reply["revoked"] else Exit.NO


def _reply(args: argparse.Namespace, wish: dict[str, object]) -> dict[str, object] | None:
    """Ask the service; None after saying on stderr why there is no answer."""
    try:
        api_socket = args.socket or load_settings(args.config).access.socket
        status, reply = _ask(api_socket, wish)
    except (ConfigError, _NoServiceError) as error:
        complain(str(error))
        return None
    except (OSError, http.client.HTTPException, ValueError):
        complain("the service does not answer on its unix socket; is `cordon serve` running?")
        return None
    if status == 200:
        return reply
    said = reply.get("error")
    words = (said.get("message", ""), said.get("next", "")) if isinstance(said, dict) else ("refused",)
    complain(" ".join(words))
    return None


def _ask(api_socket: Path, wish: dict[str, object]) -> tuple[int, dict[str, object]]:
    connection = _UnixConnection(api_socket)
    try:
        connection.request("POST", "/cordon/v1/clients", json.dumps(wish), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _day(seconds: object) -> str:
    return dt.datetime.fromtimestamp(int(str(seconds)), dt.UTC).strftime("%Y-%m-%d")


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument(
        "--socket", type=Path, metavar="FILE", help="the service's unix socket, instead of the settings'"
    )


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what the token is for")
    parser.add_argument("--scope", action="append", choices=("use", "metrics"), help="what it allows (default: use)")
    parser.add_argument("--days", type=float, default=90, help="how long it lives (default 90, at most 365)")
    parser.add_argument("--uid", type=int, help="for another user; only root may")
    _where(parser)


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines")
    _where(parser)


def _revoke_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kid", metavar="KID", help="the id that `list` shows, or `all`")
    _where(parser)


COMMANDS = (
    Command(
        "token create",
        "Make a token for a program and print it once.",
        "cordon token create monitoring --scope metrics --days 30",
        _create,
        _create_arguments,
    ),
    Command("token list", "List your tokens.", "cordon token list", _list, _list_arguments),
    Command(
        "token revoke",
        "End a token, and the answers that are open under it.",
        "cordon token revoke 93719bf5bdc7b928",
        _revoke,
        _revoke_arguments,
    ),
)
