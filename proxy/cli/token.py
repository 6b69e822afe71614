"""`cordon token create`, `list`, `revoke`: tokens of programs, over the service's unix socket.

Law: the token is printed once, alone on stdout, so that a script can take it; the service keeps only its hash.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys

from proxy.cli.api import ask_service, where_arguments
from proxy.cli.command import Command, Exit

__all__ = ["COMMANDS"]


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
    reply = ask_service(args, "/cordon/v1/clients", wish)
    return None if reply is None else reply.body


def _day(seconds: object) -> str:
    return dt.datetime.fromtimestamp(int(str(seconds)), dt.UTC).strftime("%Y-%m-%d")


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what the token is for")
    parser.add_argument("--scope", action="append", choices=("use", "metrics"), help="what it allows (default: use)")
    parser.add_argument("--days", type=float, default=90, help="how long it lives (default 90, at most 365)")
    parser.add_argument("--uid", type=int, help="for another user; only root may")
    where_arguments(parser)


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines")
    where_arguments(parser)


def _revoke_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kid", metavar="KID", help="the id that `list` shows, or `all`")
    where_arguments(parser)


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
