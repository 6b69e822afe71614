"""Sections 6 and 7 of the report: what ran and who approved its changes; what is kept and what was erased. Pure."""

from collections.abc import Iterator, Mapping
from hashlib import sha256

from audit.export.columns import code_of
from audit.export.dossier import Dossier, note_of
from audit.history import ACCESS, digests_of
from audit.report.happened import moment, table
from audit.report.html import Markup, join, tag
from audit.report.tally import Tally, ranges
from audit.words import Words, readable

__all__ = ["changes_section", "retention_section"]

_COLUMNS = ("c_record", "c_time", "c_what", "c_now", "c_approval")
_ERASED = ("c_record", "c_time", "c_why", "c_reference", "c_erased")


def changes_section(dossier: Dossier, counted: Tally, words: Words) -> Markup:
    """Tell what ran, what was changed, and what the officer allowed."""
    say = words.say
    rows = list(_change_rows(dossier, words))
    pieces = [tag("h2", say("h_changes")), tag("p", say("changes"), class_="quiet")]
    if rows:
        pieces.append(table([say(name) for name in _COLUMNS], rows))
    pieces += [tag("p", say("thresholds", basis=basis)) for basis in counted.thresholds]
    return join(*pieces)


def _change_rows(dossier: Dossier, words: Words) -> Iterator[tuple[int, str, str, str, str]]:
    """Yield what the first start ran, every recorded change, and a change that only a later start shows."""
    say, word = words.say, words.word
    allowed = _approvals(dossier, words)
    starts = [body["software"] for kind, body in dossier.records.values() if kind == "S"]
    versions = {software["sha"]: software["version"] for software in starts}
    recorded = {(body["what"], body["new"]) for kind, body in dossier.records.values() if kind == "C"}
    shown: dict[str, str] = {}
    for seq, (kind, body) in dossier.records.items():
        if kind == "S":
            for name, digest in digests_of(body).items():
                unseen = name not in shown
                if unseen or (shown[name] != digest and (name, digest) not in recorded):
                    said = allowed.get((name, digest), say("first_start" if unseen else "no_approval"))
                    yield seq, moment(body["t"]), word("changes", name), _now(name, digest, versions, words), said
                shown[name] = digest
        elif kind == "C":
            name, digest = body["what"], body["new"]
            said = allowed.get((name, digest), say("needs_none" if name == ACCESS else "no_approval"))
            yield seq, moment(body["t"]), word("changes", name), _now(name, digest, versions, words), said
            shown[name] = digest
        elif kind in ("P", "V"):
            order = note_of(body, "purge" if kind == "P" else "review")
            yield (
                seq,
                moment(body["t"]),
                word("orders", order.get("result", "purge")),
                "",
                say("ordered", ref=order.get("ref", "-")),
            )


def _approvals(dossier: Dossier, words: Words) -> dict[tuple[str, str], str]:
    """What the enrolment and the officer's notes allow; the examination has held their signatures."""
    named = {name: dossier.enrolment.get(name, ()) for name in ("policy", "software")}
    allowed = {(name, digest): words.say("in_enrolment") for name, digests in named.items() for digest in digests}
    for body in dossier.approvals:
        order = note_of(body, "approval")
        said = words.say("approved", ref=order["ref"]) if order else words.word("changes", "enrolment")
        allowed[body["what"], body["new"]] = said
    return allowed


def _now(name: str, digest: str, versions: Mapping[str, str], words: Words) -> Markup:
    """Name a digest: in words where they are known, by its short code everywhere else."""
    engines = {sha256(kind.encode()).hexdigest(): kind for kind in ("embedded", "http")}
    if name == "engine" and digest in engines:
        return join(words.word("engines", engines[digest]))
    code = tag("span", code_of(bytes.fromhex(digest)), class_="mono")
    return (
        tag("span", versions[digest], " ", code, class_="nowrap") if name == "software" and digest in versions else code
    )


def retention_section(dossier: Dossier, words: Words) -> Markup:
    """Tell how long records stay, and which are gone by whose order."""
    say, dash = words.say, words.say("dash")
    times = [(body["t"], seq) for seq, (_, body) in dossier.records.items() if "t" in body]
    gone = {why: [s for s, missing in dossier.missing.items() if missing.why == why] for why in ("erased", "purged")}
    lines = [say("retention", months=dossier.enrolment["retention_months"])]
    if times:
        lines.append(say("oldest", seq=min(times)[1], t=readable(min(times)[0])))
    lines += [say(why, n=len(seqs), seqs=ranges(seqs, dash)) for why, seqs in gone.items() if seqs]
    if not gone["erased"]:
        lines.append(say("no_erasure"))
    pieces = [tag("h2", say("h_retention")), *(tag("p", line) for line in (*lines, say("staff")))]
    rows = [
        (
            seq,
            moment(body["t"]),
            words.word("whys", order.get("why", "-")),
            order.get("ref", "-"),
            len(order.get("seqs", ())),
        )
        for seq, (kind, body) in dossier.records.items()
        if kind == "T"
        for order in [note_of(body, "tombstone")]
    ]
    if rows:
        pieces.append(table([say(name) for name in _ERASED], rows, numbers=(4,)))
    return join(*pieces)
