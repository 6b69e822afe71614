"""`cordon audit init | accept | status`: the log on the workstation that writes it.

Law: one writer. While the service runs it alone may write; a command that must write takes the lock or says who has it.
A record that a command writes says so: it opens the log as the service would, and closes it again.
"""

from __future__ import annotations

import argparse
import json
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audit.checkpoint import Note, Vkey, parse_statement
from audit.log import AuditError, Grant, Refused, create, enrol
from audit.log.disk import Disk
from audit.officer import request_code
from audit.strictjson import MalformedError
from proxy.cli.api import evidence_now
from proxy.cli.audit_offline import LogState, is_writing, offline_log, state_of
from proxy.cli.audit_post import Letter, by_post, send, wait_argument
from proxy.cli.command import Command, Exit, complain, out
from proxy.cli.officer_keys import agrees, key_code
from proxy.clock import Clock, read_boot_id
from proxy.config import ConfigError, Settings, load_settings
from proxy.launch import LaunchError, prepare
from proxy.workers.facts import package_digest, package_dirs

__all__ = ["ON_THE_COMPUTER"]

REQUEST = "enrol-request.note"
_MAX_NOTE = 1024 * 1024


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")


def _init_arguments(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where the request goes (here)")
    parser.add_argument("--json", action="store_true", help="for machines")


def _init(args: argparse.Namespace) -> int:
    """Make the keys and the empty log. The request is kept beside the log too, because it cannot be made twice."""
    try:
        settings = load_settings(args.config)
        policy = prepare(settings).policy
        grant = Grant(policy=policy.digest, software=package_digest(package_dirs()))
        origin = f"{settings.audit.site}/cordon/{uuid.uuid4()}"
        now = Clock(read_boot_id()).instant()
        request = create(settings.audit.dir, origin=origin, grant=grant, at=now, random=secrets.token_bytes)
        Disk(settings.audit.dir).write(REQUEST, request)
    except (ConfigError, LaunchError) as error:
        complain(str(error))
        return Exit.CONFIG
    except (AuditError, Refused) as error:
        complain(f"{error}; nothing was changed")
        return Exit.FAILED
    except OSError as error:
        complain(f"{settings.audit.dir} cannot be written ({error.strerror}); run this as the user of the service")
        return Exit.FAILED
    path = _hand_out(request, settings.audit.dir, args.out)
    code = request_code(request)
    if args.json:
        print(json.dumps({"origin": origin, "code": code, "request": str(path)}))
        return Exit.DONE
    console = out()
    console.print(f"Computer: {origin}", markup=False)
    console.print(f"Request:  {path}", markup=False)
    console.print(f"Code:     [bold]{code}[/bold]")
    console.print("Give the file to your compliance officer and read her the code on the telephone.")
    console.print("Next, with her answer: cordon audit accept enrolment.note")
    return Exit.DONE


def _hand_out(request: bytes, folder: Path, target: Path) -> Path:
    """Write the request where it was asked for, else say where its copy lies."""
    try:
        (target / REQUEST).write_bytes(request)
    except OSError as error:
        complain(f"{target} cannot be written ({error.strerror}); the request lies beside the log only")
        return folder / REQUEST
    return target / REQUEST


# ---- accept ----------------------------------------------------------------------------------------------------


def _accept_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("note", type=Path, metavar="FILE", help="enrolment.note, anchor.note or an order")
    _config(parser)
    parser.add_argument("--yes", action="store_true", help="the officer's code was compared already")
    wait_argument(parser)


def _accept(args: argparse.Namespace) -> int:
    try:
        settings = load_settings(args.config)
        data = args.note.read_bytes()[: _MAX_NOTE + 1]
        return _take(settings, data, args)
    except (ConfigError, LaunchError) as error:
        complain(str(error))
        return Exit.CONFIG
    except Refused as error:
        complain(f"{error}; the log is as it was")
        return Exit.NO
    except AuditError as error:
        return _not_written(error, settings)
    except OSError as error:
        complain(f"{args.note} cannot be read ({error.strerror}); nothing was changed")
        return Exit.FAILED


def _take(settings: Settings, data: bytes, args: argparse.Namespace) -> int:
    """By the running service, by the first enrolment, or by opening the log. Raises what the log and settings raise."""
    if by_post(settings):
        return send(settings, Letter(f"{uuid.uuid4().hex[:12]}.note", data), args.wait)
    if not state_of(settings.audit.dir).enrolled:
        return _enrol(settings, data, args)
    with offline_log(settings) as (log, now):
        accepted = log.accept(data, at=now())
    out().print(f"Accepted: record {accepted.seq}, kind {accepted.kind}.")
    return Exit.DONE


def _enrol(settings: Settings, data: bytes, args: argparse.Namespace) -> int:
    """The first note of all: whose key it is only people can know, so they compare it. Raises Refused or AuditError."""
    try:
        body = parse_statement(Note.parse(data), "enrolment")
        officer = Vkey.parse(body["officer"])
    except MalformedError:
        raise Refused("this is not an enrolment, and the computer is not enrolled yet") from None
    console = out()
    console.print(f"Officer of {body['site']}, keys for {len(body['months'])} months", markup=False)
    console.print(f"Code:     [bold]{key_code(officer)}[/bold]")
    if not agrees("Does the officer, on the telephone, read the same code for her key?", yes=args.yes):
        complain("the computer is not enrolled. A different code means that the note is somebody else's")
        return Exit.NO
    enrol(settings.audit.dir, data)
    console.print("This computer is enrolled: the log can be opened by this officer, and by nobody here.")
    console.print("Next: cordon serve")
    return Exit.DONE


def _not_written(error: AuditError, settings: Settings) -> int:
    """Why the log could not be opened for writing."""
    if is_writing(settings.audit.dir):
        complain("the service is starting and alone writes the log; nothing was changed. Run this again")
    else:
        complain(f"{error}; nothing was changed")
    return Exit.FAILED


# ---- status ----------------------------------------------------------------------------------------------------


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument("--json", action="store_true", help="for machines")


def _status(args: argparse.Namespace) -> int:
    try:
        settings = load_settings(args.config)
        state = state_of(settings.audit.dir)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except (AuditError, OSError) as error:
        complain(f"the log cannot be read ({error}); nothing was changed")
        return Exit.FAILED
    evidence = evidence_now(settings.access.socket) if state.writing else None
    if args.json:
        print(json.dumps({**state.body(), "evidence": evidence}))
    else:
        _show(state, settings.audit.dir, evidence)
    return Exit.DONE if state.enrolled else Exit.NO


def _show(state: LogState, folder: Path, evidence: Mapping[str, str] | None) -> None:
    console = out()
    if not state.exists:
        console.print(f"There is no log in {folder}. Next: cordon audit init", markup=False)
        return
    rows: Mapping[str, Any] = {
        "Computer": state.origin,
        "Enrolled": f"by {state.site}, key {state.officer}" if state.enrolled else "no. Next: cordon audit accept",
        "Keys until": f"{state.last_month[:4]}-{state.last_month[4:]}" if state.last_month else "-",
        "Signed records": state.size,
        "Newest in hour": state.hour or "-",
        "On paper": state.code or "-",
        "Written by": "the running service" if state.writing else "nobody now",
        "Evidence": f"{evidence['level']}. {evidence['sentence']}" if evidence else _unasked(state.writing),
    }
    for name, value in rows.items():
        console.print(f"{name + ':':16}{value}", markup=False)


def _unasked(writing: bool) -> str:
    """Why nothing can be said: nobody measures, or this user may not ask."""
    return "measured; ask as root or as a member of cordon-users" if writing else "measured while the service runs"


ON_THE_COMPUTER = (
    Command(
        "audit init",
        "Make this computer's log and its request to the compliance officer.",
        "cordon audit init --config cordon.toml",
        _init,
        _init_arguments,
    ),
    Command(
        "audit accept",
        "Take the officer's note into the log: the enrolment, an anchor, an order.",
        "cordon audit accept enrolment.note --config cordon.toml",
        _accept,
        _accept_arguments,
    ),
    Command(
        "audit status",
        "Say whose log this is, how far it is signed, and until when it has keys.",
        "cordon audit status --config cordon.toml",
        _status,
        _status_arguments,
    ),
)
