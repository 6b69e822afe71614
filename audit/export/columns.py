"""One row per exchange, in words: what a spreadsheet, a FHIR server and the report all start from. Pure.

An exchange is a request with its outcome, or a refusal before a model. Headers are fixed and in English, so that a
macro written for one export works on the next; no cell holds a code without words, and none holds JSON.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit.export.dossier import Dossier
from audit.record import parse_time
from audit.strictjson import Json
from audit.words import GROUPS, group_of, word

__all__ = ["HEADERS", "Exchange", "code_of", "exchanges", "row", "workstation"]

HEADERS = (
    "No", "Date", "Time (local)", "Time (UTC)", "Workstation", "Staff", "Role", "Patient reference", "Purpose",
    "Result", "Reason", "Identifiers removed", "Names", "Identity numbers", "Contact data", "Dates",
    "Other identifiers", "Prompt safety", "Answer safety", "Model", "Policy", "Answer characters", "Duration (s)",
    "Network evidence", "Record state", "Record code",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its outcome, or a block. What is not known is empty, never guessed."""

    seq: int
    kind: str
    """R or B"""
    result: str
    """A key of the table of results."""
    state: str
    """A key of the table of states."""
    origin: str
    leaf: bytes
    begin: Json = field(default_factory=dict)
    outcome: Json = field(default_factory=dict)
    outcome_seq: int | None = None
    level: str = ""
    engine: str = "embedded"
    hour: str = ""
    """The UTC hour, the only time that is left of an erased record."""

    @property
    def removed(self) -> Mapping[str, int]:
        """Kind of identifier -> how many were replaced."""
        counts: Mapping[str, int] = self.begin.get("redact", {}).get("counts", {})
        return counts

    @property
    def code(self) -> str:
        """Why it was refused or failed, as the log names it."""
        return str(self.outcome.get("code") or self.begin.get("code") or "")

    @property
    def rule(self) -> str:
        """The rule of the policy that refused."""
        source = self.begin if self.kind == "B" else self.outcome.get("safety", {})
        return str(source.get("rule") or "")

    @property
    def count(self) -> int:
        """How many refusals of access one record stands for; 1 for everything else."""
        return int(self.begin.get("count", 1))


def exchanges(dossier: Dossier) -> tuple[Exchange, ...]:
    """Pair requests with their outcomes, in the order of the log."""
    interrupted = {
        finding.seq
        for check in dossier.found.checks
        if check.id == "V25"
        for _, finding in check.findings
        if finding.name is None
    }
    outcomes: dict[int, int] = {}
    for seq, (kind, body) in dossier.records.items():
        if kind == "Z":
            outcomes.setdefault(body["of"], seq)
    return tuple(_all(dossier, outcomes, interrupted))


def _all(dossier: Dossier, outcomes: Mapping[int, int], interrupted: set[int | None]) -> Iterator[Exchange]:
    before = [seq for seq in dossier.engines if seq < dossier.found.range[0]]
    engine = dossier.engines[max(before)] if before else "embedded"
    for seq in range(dossier.found.range[0], dossier.found.range[1] + 1):
        engine = dossier.engines.get(seq, engine)
        if seq in dossier.missing and dossier.missing[seq].kind in "RB":
            lost = dossier.missing[seq]
            end = _outcome(dossier, outcomes, seq)
            result = str(end["result"]) if end else lost.why
            place = (seq, lost.kind, result, lost.why, dossier.found.origin, dossier.leaves[seq])
            yield Exchange(*place, outcome=end, outcome_seq=outcomes.get(seq), hour=lost.hour)
        elif seq in dossier.records and dossier.records[seq][0] in "RB":
            kind, body = dossier.records[seq]
            end = _outcome(dossier, outcomes, seq)
            result, state = _ended(kind, end, lost=seq in interrupted)
            yield Exchange(
                *(seq, kind, result, state, dossier.found.origin, dossier.leaves[seq]),
                begin=body,
                outcome=end,
                outcome_seq=outcomes.get(seq),
                level=dossier.levels.get(body["tick"], ""),
                engine=engine,
            )


def _outcome(dossier: Dossier, outcomes: Mapping[int, int], seq: int) -> Json:
    return dossier.records[outcomes[seq]][1] if seq in outcomes else {}


def _ended(kind: str, end: Json, *, lost: bool) -> tuple[str, str]:
    if kind == "B":
        return "blocked", "complete"
    if end:
        return str(end["result"]), "complete"
    return ("interrupted", "interrupted") if lost else ("open", "open")


def row(exchange: Exchange, reasons: Mapping[str, str]) -> tuple[str | int | float, ...]:
    """Return the cells in the order of `HEADERS`. `reasons`: code -> a sentence."""
    body, end = exchange.begin, exchange.outcome
    model = body.get("model")
    groups = dict.fromkeys(GROUPS, 0)
    for kind, count in exchange.removed.items():
        groups[group_of(kind)] += count
    return (
        exchange.seq,
        *_times(exchange),
        workstation(exchange.origin),
        body.get("caller", {}).get("id", ""),
        body.get("caller", {}).get("role", ""),
        body.get("subject", {}).get("ref", ""),
        word("purposes", body.get("purpose", "")),
        word("results", exchange.result),
        _reason(exchange, reasons),
        *((sum(groups.values()), *groups.values()) if "redact" in body else ("",) * 6),
        word("verdicts", body.get("safety", {}).get("verdict", "")),
        word("verdicts", end.get("safety", {}).get("verdict", "")),
        f"{model['id']} ({code_of(bytes.fromhex(model['sha']))})" if model else "",
        code_of(bytes.fromhex(body["policy"])) if body else "",
        end["out"]["released"] if end else "",
        end["dur_ms"] / 1000 if end else "",
        f"{word('levels', exchange.level)} (record {body['tick']})" if exchange.level else "",
        word("states", exchange.state),
        code_of(exchange.leaf),
    )


def workstation(origin: str) -> str:
    """Return the last part of an origin."""
    return origin.rpartition("/")[2]


def code_of(digest: bytes) -> str:
    """Return the short code of a digest: its first ten bytes, in groups of four hex digits."""
    return "-".join(digest[at : at + 2].hex() for at in range(0, 10, 2))


def _times(exchange: Exchange) -> tuple[str, str, str]:
    """Return date, local time and UTC time; of an erased record only the UTC hour is left."""
    t = exchange.begin.get("t")
    if t is None:
        return exchange.hour[:10], "", f"{exchange.hour[:10]} hour {exchange.hour[11:13]}" if exchange.hour else ""
    utc = datetime.fromtimestamp(parse_time(t) / 1000, UTC)
    return t[:10], f"{t[11:19]} {t[-6:]}", utc.strftime("%Y-%m-%d %H:%M:%S")


def _reason(exchange: Exchange, reasons: Mapping[str, str]) -> str:
    parts = [reasons.get(exchange.code, exchange.code)] if exchange.code else []
    if exchange.kind == "B" and exchange.begin:
        parts.append(f"Stopped at: {word('stages', exchange.begin['stage'])}.")
    if exchange.rule:
        parts.append(f"Rule {exchange.rule}.")
    if exchange.count > 1:
        parts.append(f"{exchange.count} times.")
    return " ".join(parts)
