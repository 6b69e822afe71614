"""`cordon pair`: connect the browser panel of this user by eight digits.

Law: nothing is shown until it is certain that the port belongs to this service: who listens there is asked of the
kernel, for both loopback families. The digits are shown once, on the terminal, and live for two minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import socket
from collections.abc import Callable

from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from proxy.cli.api import Reply, ask_service, where_arguments
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.peer import SockDiag, open_diag

__all__ = ["COMMANDS", "foreign_listener"]

_ENDINGS = {
    "expired": "The two minutes are over; nothing was connected. Run `cordon pair` again.",
    "guessed": "Five wrong codes came: something on this account is guessing. Nothing was connected. "
    "Ask the administrator before you try again.",
    "replaced": "Another `cordon pair` was started, so these digits are no longer valid.",
}
_GRACE_S = 10


def foreign_listener(port: int, trusted: frozenset[int], look: Callable[[int, int], int | None]) -> int | None:
    """The uid of a listener on `port` that is none of `trusted`, or None. `look` gets a family and the port."""
    owners = (look(family, port) for family in (socket.AF_INET, socket.AF_INET6))
    return next((uid for uid in owners if uid is not None and uid not in trusted), None)


def _pair(args: argparse.Namespace) -> int:
    offer = ask_service(args, "/cordon/v1/pairing", {})
    if offer is None:
        return Exit.FAILED
    port, code, seconds = (offer.body[key] for key in ("port", "code", "seconds"))
    if not isinstance(port, int) or not isinstance(seconds, int):
        complain("the service's answer was not understood; nothing was connected")
        return Exit.FAILED
    if not _port_is_ours(port, offer):
        return Exit.FAILED
    _show(str(code), as_json=args.json)
    ended = _wait(args, seconds)
    return Exit.FAILED if ended is None else _tell(args, ended.body)


def _port_is_ours(port: int, offer: Reply) -> bool:
    trusted = frozenset({0, os.geteuid(), offer.uid})
    try:
        with open_diag() as diag:
            look = SockDiag(diag)
            stranger = foreign_listener(port, trusted, look.listener_uid)
            nobody = look.listener_uid(socket.AF_INET, port) is None
    except OSError:
        complain("the kernel did not say who listens on the port; nothing was connected")
        return False
    if stranger is not None:
        complain(f"Port {port} belongs to another user's program (uid {stranger}). Do not pair.")
        return False
    if nobody:
        complain(f"Nobody listens on port {port}; the browser could not reach Cordon. Is the service healthy?")
        return False
    return True


def _show(code: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"code": code}), flush=True)
        return
    digits = Text(f"{code[:4]} {code[4:]}", style="bold", justify="center")
    out().print(Panel.fit(digits, title="Type these digits into the Cordon panel", padding=(1, 8)))


def _wait(args: argparse.Namespace, seconds: int) -> Reply | None:
    """Wait for the panel; a bar shows the time that is left."""
    columns = (TextColumn("Waiting for the panel"), BarColumn(), TextColumn("Ctrl+C stops"))
    with Progress(*columns, console=err(), transient=True) as bar:
        bar.add_task("", total=None)
        return ask_service(args, "/cordon/v1/pairing/wait", {}, timeout_s=seconds + _GRACE_S)


def _tell(args: argparse.Namespace, ended: dict[str, object]) -> int:
    state = str(ended.get("state"))
    if args.json:
        print(json.dumps(ended))
    elif state == "paired":
        until = dt.datetime.fromtimestamp(int(str(ended["expires"])), dt.UTC).astimezone()
        out().print(f"[bold green]Paired[/] with {ended['browser']}, until {until:%Y-%m-%d %H:%M}.", soft_wrap=True)
        out().print(f"To end it: cordon token revoke {ended['kid']}")
    if state == "paired":
        return Exit.DONE
    complain(_ENDINGS.get(state, "nothing was connected"))
    return Exit.NO


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines: the code, then how it ended, a line each")
    where_arguments(parser)


COMMANDS = (Command("pair", "Connect the browser panel by eight digits.", "cordon pair", _pair, _arguments),)
