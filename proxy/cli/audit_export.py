"""`cordon audit export | checkpoint`: what leaves the workstation for its officer, by hand or by a timer.

Laws: only the service can sign and record an export, so while it runs the command leaves a request in the inbox and
the package appears in the outbox; when it is stopped the command opens the log as the service would. A package is of
whole UTC days and never filtered otherwise. `checkpoint` copies what is signed already: it needs no key and no lock.
"""

from __future__ import annotations

import argparse
import calendar
import json
import re
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

from audit.checkpoint import Checkpoint, Note, checkpoint_code
from audit.log import AuditError, Refused
from audit.log.disk import Disk
from proxy.cli.audit_offline import is_writing, offline_log
from proxy.cli.audit_post import Letter, by_post, wait_argument, wait_for
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.clock import Clock, read_boot_id
from proxy.config import ConfigError, Settings, load_settings
from proxy.launch import LaunchError
from proxy.post import Days, NothingThere, PostBox, pack, request_of, verified_days

__all__ = ["EXPORTS", "month_days"]

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])\Z", re.ASCII)


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--from", dest="first", metavar="DATE", help="first UTC day, YYYY-MM-DD (default: all)")
    parser.add_argument("--to", dest="last", metavar="DATE", help="last UTC day, included")
    parser.add_argument("--month", metavar="YYYY-MM", help="all days of a month")
    parser.add_argument("--last-month", action="store_true", help="the month before this one: for a timer")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the package goes (here, or the outbox)")
    parser.add_argument("--json", action="store_true", help="for machines")
    wait_argument(parser)


def month_days(month: str) -> Days:
    """First and last day of a month. Raises Refused."""
    if not _MONTH.match(month):
        raise Refused("a month is written YYYY-MM")
    year, number = int(month[:4]), int(month[5:])
    return f"{month}-01", f"{month}-{calendar.monthrange(year, number)[1]:02d}"


def _days(args: argparse.Namespace) -> Days | None:
    """Which days are meant. Raises Refused."""
    ways = (args.first is not None or args.last is not None, args.month is not None, args.last_month)
    if sum(ways) > 1:
        raise Refused("name the days in one way: --from and --to, --month, or --last-month")
    if args.last_month:
        now = Clock(read_boot_id()).instant()
        today = datetime.fromtimestamp(now.utc_ms / 1000, UTC)
        year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
        return month_days(f"{year:04d}-{month:02d}")
    if args.month is not None:
        return month_days(args.month)
    return verified_days(args.first, args.last) if ways[0] else None


def _export(args: argparse.Namespace) -> int:
    try:
        days = _days(args)
        settings = load_settings(args.config)
    except Refused as error:
        complain(f"{error}; nothing was written. --from and --to belong together")
        return Exit.USAGE
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    if by_post(settings):
        return _by_post(settings, days, args)
    return _alone(settings, days, args)


def _by_post(settings: Settings, days: Days | None, args: argparse.Namespace) -> int:
    """Ask the running service; the package appears in the outbox."""
    post = PostBox.beside(settings.audit.dir)
    letter = Letter(f"export-{uuid.uuid4().hex[:12]}.json", request_of(days))
    try:
        post.put(letter.name, letter.data)
    except OSError as error:
        complain(f"the service is running and {post.inbox} cannot be written ({error.strerror}); nothing was written")
        return Exit.FAILED
    handled = wait_for(post, letter.name, args.wait)
    if handled is None:
        out().print(f"Asked the service. The package will appear in {post.outbox}", markup=False)
        return Exit.DONE
    if not handled.done:
        complain(f"the service refused it: {handled.said}")
        return Exit.NO
    name, _, records = handled.said.removeprefix("written: ").partition(" ")
    return _fetched(post.outbox / name, int(records.strip("()").split(" ")[0]), args)


def _fetched(package: Path, records: int, args: argparse.Namespace) -> int:
    try:
        path = Path(shutil.copy2(package, args.out)) if args.out is not None else package
    except OSError as error:
        complain(f"the package is {package} and cannot be copied to {args.out} ({error.strerror})")
        return Exit.FAILED
    return _said(path, records, json_=args.json)


def _alone(settings: Settings, days: Days | None, args: argparse.Namespace) -> int:
    """The service is stopped: open the log as it would."""
    target = args.out if args.out is not None else Path()
    try:
        with err().status("Signing and packing ...", spinner="line"), offline_log(settings) as (log, now):
            path, records = pack(log, now, days, target)
    except (ConfigError, LaunchError) as error:
        complain(str(error))
        return Exit.CONFIG
    except AuditError as error:
        busy = is_writing(settings.audit.dir)
        complain("the service is starting; run this again" if busy else f"{error}; nothing was changed")
        return Exit.FAILED
    except NothingThere:
        complain("there are no records on these days; no package was written")
        return Exit.NO
    except OSError as error:
        complain(f"{target} cannot be written ({error.strerror}); there is no package")
        return Exit.FAILED
    return _said(path, records, json_=args.json)


def _said(path: Path, records: int, *, json_: bool) -> int:
    if json_:
        print(json.dumps({"package": str(path), "records": records}))
    else:
        out().print(f"Written: {path} ({records} records)", markup=False)
        out().print("Next, on the officer's computer: cordon audit verify", markup=False)
    return Exit.DONE


# ---- checkpoint ------------------------------------------------------------------------------------------------


def _checkpoint_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where it goes (the outbox)")
    parser.add_argument("--json", action="store_true", help="for machines")


def _checkpoint(args: argparse.Namespace) -> int:
    """Copy the newest signed checkpoint, whole or not at all; the same size is not written twice."""
    try:
        settings = load_settings(args.config)
        data = Disk(settings.audit.dir).read("log/checkpoint")
        point = Checkpoint.parse(Note.parse(data).text)
        target = args.out if args.out is not None else PostBox.beside(settings.audit.dir).outbox
        name = f"checkpoint_{point.origin.rpartition('/')[2]}_{point.size:012d}.note"
        Disk(target).write_once(name, data)
        (target / name).chmod(0o640)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        complain(f"the newest checkpoint cannot be copied ({reason}); nothing was written")
        return Exit.FAILED
    code = checkpoint_code(point)
    if args.json:
        print(json.dumps({"checkpoint": str(target / name), "records": point.size, "code": code}))
    else:
        out().print(f"Written: {target / name} ({point.size} records)", markup=False)
        out().print(f"On paper: {code}", markup=False)
    return Exit.DONE


EXPORTS = (
    Command(
        "audit export",
        "Pack the log for the officer: all of it, or the contents of some days.",
        "cordon audit export --from 2026-11-01 --to 2026-11-30\n"
        "cordon audit export --month 2026-11 --out /media/stick\n"
        "cordon audit export --last-month",
        _export,
        _export_arguments,
    ),
    Command(
        "audit checkpoint",
        "Copy the newest signed checkpoint to the outbox: a point of history that somebody else keeps.",
        "cordon audit checkpoint",
        _checkpoint,
        _checkpoint_arguments,
    ),
)
