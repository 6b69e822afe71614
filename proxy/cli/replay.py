"""`cordon policy replay`: every decision of a log, made again from the scores in its records.

Law: nothing is changed and no text is read, because a record has none. A record is decided under exactly the policy it
names by digest; one whose policy or calibration is not at hand is counted as such, never guessed. Only a log whose
structure verifies is read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from rich.progress import track

from audit.reader import NotReadableError, open_records
from audit.verify import Package
from policies.load import load_policy
from policies.model import Policy, PolicyError
from policies.replay import Replay, replay
from proxy.cli.audit_check import WRONG_USE, open_case, verify_arguments
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.officer_keys import KeysError
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, PolicySettings
from proxy.policy_files import calibrations, library, tomls

__all__ = ["REPLAY"]

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Case:
    """One decision of the log."""

    seq: int
    policy: str
    safety: Mapping[str, Any]
    answer: bool


def _arguments(parser: argparse.ArgumentParser) -> None:
    verify_arguments(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings that name the site's policies")


def _run(args: argparse.Namespace) -> int:
    try:
        settings = settings_or_defaults(args.config)
        with open_case(args) as case, err().status("Checking the log and opening its records ...", spinner="line"):
            if case.keyring is None:
                raise KeysError("records are sealed; nothing was decided again. Name your keyring and your identity")
            records = open_records(case.package, case.trust, case.keyring)
            policies = _policies(settings.policy, case.package)
    except NotReadableError:
        complain("the log does not verify, so nothing in it is read. See: cordon audit verify")
        return Exit.NO
    except (KeysError, ConfigError) as error:
        complain(str(error))
        return WRONG_USE
    cases = list(_cases(records))
    counts, different = _decide(cases, policies)
    if args.json:
        print(json.dumps({**counts, "differs_at": different}))
    else:
        _show(counts, different)
    return Exit.NO if different else Exit.FAILED if counts["policy_not_at_hand"] else Exit.DONE


def _cases(records: Mapping[int, tuple[str, Any]]) -> Iterator[_Case]:
    """Every record that rests on scores; an outcome is under the policy of the request it closes."""
    policy_of: dict[int, str] = {}
    for seq, (kind, body) in records.items():
        safety = body.get("safety") if kind in "RZB" else None
        if kind == "R":
            policy_of[seq] = body["policy"]
        if safety is not None:
            digest = policy_of.get(body["of"], "") if kind == "Z" else body["policy"]
            yield _Case(seq, digest, safety, kind == "Z")


def _decide(cases: list[_Case], policies: Mapping[str, Policy]) -> tuple[dict[str, int], list[int]]:
    counts = Counter({"same": 0, "same_as_far_as_recorded": 0, "different": 0, "policy_not_at_hand": 0})
    different = []
    for case in track(cases, "Deciding again", console=err(), transient=True, disable=not sys.stderr.isatty()):
        policy = policies.get(case.policy)
        again = replay(policy, case.safety, answer=case.answer) if policy is not None else None
        name = _name(again)
        counts[name] += 1
        if name == "different":
            different.append(case.seq)
    return dict(counts), different


def _name(again: Replay | None) -> str:
    if again is None:
        return "policy_not_at_hand"
    if not again.same:
        return "different"
    return "same" if again.whole else "same_as_far_as_recorded"


def _policies(settings: PolicySettings, package: Package) -> dict[str, Policy]:
    """Every policy that can be put together from what is at hand, by digest: the site's, ours, and those in the log."""
    base = library(settings)
    guidelines = tomls(resources.files("policies") / "guidelines")
    kept = [package.read(name) for name in sorted(package.names) if name.startswith("policy/")]
    shelves = [base, *({**base, name: raw} for raw in kept if (name := _own_name(raw)))]
    found: dict[str, Policy] = {}
    for shelf in shelves:
        for name in shelf if shelf is base else [next(n for n in shelf if shelf[n] is not base.get(n))]:
            for sha256, calibration in [("", None), *calibrations(settings)]:
                try:
                    made = load_policy(
                        name, library=shelf, guidelines=guidelines, calibration=calibration, guard_sha256=sha256
                    )
                except PolicyError:
                    continue
                found[made.digest] = made
    return found


def _own_name(raw: bytes) -> str:
    """The name a kept policy has in itself, or "" if it is no policy."""
    for line in raw.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "name":
            return value.strip().split("#")[0].strip().strip('"')
    return ""


def _show(counts: Mapping[str, int], different: list[int]) -> None:
    total = sum(counts.values())
    out().print(f"{total} decisions, each made again from the scores in its record")
    for name, sentence in (
        ("same", "came out as recorded"),
        ("same_as_far_as_recorded", "came out as recorded, but the record keeps only the hundred highest units"),
        ("policy_not_at_hand", "could not be made again: their policy or calibration is not at hand"),
        ("different", "came out otherwise"),
    ):
        if counts[name]:
            out().print(f"{counts[name]:8} {sentence}")
    if different:
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        out().print(f"\nRecords {', '.join(map(str, different[:_SHOWN]))}{more} do not follow from their own scores.")


REPLAY = Command(
    "policy replay",
    "Make every decision of a log again from the scores in its records, and say where it comes out otherwise.",
    "cordon policy replay cordon-export.zip --trust trust.json --keyring keyring.age --identity me.identity.age\n"
    "cordon policy replay ~/.local/share/cordon/demo",
    _run,
    _arguments,
)
