"""How much of the identifying text of a labelled set Cordon hides, and how much it hides for nothing.

    python -m benchmarks.pii GOLD.jsonl [GOLD.jsonl ...] [--patterns-only] [--bare-year redact] [--out DIR] [--ci 1000]
    python -m benchmarks.pii GOLD.jsonl --kept-back --by lang --ci 1000      # the table of the model card
    python -m benchmarks.pii models/clinical_ner/kept/*.txt --ci 1000        # our own documents, kept for measuring

`--kept-back` leaves out what the bundled model was trained on: of the court and generic sets every document whose half
was used (`models/clinical_ner/mix.py`). `--model DIR` measures another build of it instead.

A gold line is {"id", "text", "spans": [{"start", "end", "label"}], "ignore": [...]}; offsets are code points. Scored
characters are letters, digits and marks; any label hides. AGE, PROFESSION and NRP are neither asked for nor punished.
Measured on public benchmarks. No public set holds real patient notes; expect other numbers on yours and measure with
`cordon redact`.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from benchmarks.table import show
from filters.analyse import Analyst, AnalystFault, Switches
from filters.findings import Finding, Type
from filters.ner import ClinicalNer, NerFiles, bundled
from filters.parts import Form, Part, PatientText
from models.clinical_ner.mix import is_kept_back, unmarked

IGNORED = frozenset({"AGE", "PROFESSION", "NRP"})
LABELS = {Type.NAME: "PERSON", Type.SECRET: "ID", Type.TEXT: "ID", Type.MARKED: "ID"}


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over documents."""

    gold_chars: int = 0
    hidden_chars: int = 0
    false_chars: int = 0
    free_chars: int = 0
    spans: int = 0
    covered: int = 0
    with_pii: int = 0
    zero_leak: int = 0
    without_pii: int = 0
    hit: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def count(gold: dict[str, Any], found: Sequence[Finding]) -> Counts:
    """Score one document."""
    text = gold["text"]
    scored = [unicodedata.category(c)[0] in "LNM" for c in text]
    wanted = [s for s in gold.get("spans", []) if s["label"] not in IGNORED]
    skipped = [*gold.get("ignore", []), *(s for s in gold.get("spans", []) if s["label"] in IGNORED)]
    want = {i for s in wanted for i in range(s["start"], s["end"]) if scored[i]}
    skip = {i for s in skipped for i in range(s["start"], s["end"])} - want
    hidden = {i for f in found for i in range(f.start, f.end) if scored[i]}
    guilty = {i for f in found if f.type is not Type.AGE for i in range(f.start, f.end) if scored[i]} - skip
    covered = [all(i in hidden or not scored[i] for i in range(s["start"], s["end"])) for s in wanted]
    free = sum(scored) - len(want) - sum(scored[i] for i in skip)
    false = guilty - want
    return Counts(
        len(want), len(want & hidden), len(false), free, len(wanted), sum(covered), int(bool(wanted)),
        int(bool(wanted) and all(covered)), int(not wanted), int(not wanted and bool(false)),
    )  # fmt: skip


def rates(total: Counts) -> dict[str, float]:
    """Return the shares in percent; a share of nothing is left out."""
    pairs = {
        "zero-leak documents": (total.zero_leak, total.with_pii),
        "spans fully covered": (total.covered, total.spans),
        "character recall": (total.hidden_chars, total.gold_chars),
        "character precision": (total.hidden_chars, total.hidden_chars + total.false_chars),
        "PII-free documents hit": (total.hit, total.without_pii),
        "over-redacted characters": (total.false_chars, total.free_chars),
    }
    return {name: 100 * part / whole for name, (part, whole) in pairs.items() if whole}


def interval(counts: Sequence[Counts], name: str, resamples: int) -> tuple[float, float]:
    """Return the 95 % document-bootstrap interval of one rate."""
    rng = random.Random(0)
    values = sorted(rates(sum(rng.choices(counts, k=len(counts)), Counts())).get(name, 0.0) for _ in range(resamples))
    return values[int(0.025 * resamples)], values[min(resamples - 1, int(0.975 * resamples))]


def load(other: Path | None) -> ClinicalNer:
    """Load the model of this tree, or another build of it."""
    folder = resources.files("filters") / "clinical_ner" if other is None else other
    files = NerFiles(*((folder / name).read_bytes() for name in ("model.onnx", "tokenizer.json", "labels.json")))
    return ClinicalNer.load(bundled(files) if other is None else files)


def detect(analyst: Analyst, text: str, switches: Switches) -> tuple[Finding, ...] | str:
    """Return the findings of one document, or the code of the refusal."""
    try:
        return analyst.find([Part(0, "user", Form.TEXT, PatientText(text))], [], switches).parts[0]
    except AnalystFault as fault:
        return fault.code


def read(path: Path) -> list[dict[str, Any]]:
    """Read a gold file: JSON lines, or documents with their identifiers marked (`models/clinical_ner/kept/*.txt`)."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".txt":
        return [
            {"id": f"{path.stem}-{number}", "source": "own", "text": text, "spans": [_span(*span) for span in spans]}
            for number, (text, spans) in enumerate(unmarked(source))
        ]
    return [json.loads(line) for line in source.splitlines() if line.strip()]


def _span(start: int, end: int, label: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


def measure(path: Path, analyst: Analyst, options: argparse.Namespace) -> list[tuple[str, ...]]:
    """Score one set, print its figures, and return the rows of the table for it."""
    rows = read(path)
    if options.kept_back:
        rows = [row for row in rows if not _is_partly_trained_on(row) or is_kept_back(row)]
    switches = Switches(point=options.point, bare_year=options.bare_year)
    begin = time.process_time()
    results = [detect(analyst, row["text"], switches) for row in rows]
    spent = time.process_time() - begin
    pairs = [(row, found) for row, found in zip(rows, results, strict=True) if not isinstance(found, str)]
    counts = [count(row, found) for row, found in pairs]
    total = sum(counts, Counts())
    characters = sum(len(row["text"]) for row in rows)
    print(f"\n{path.name}: {len(rows)} documents, {total.spans} spans, {len(rows) - len(pairs)} refused")
    for name, value in rates(total).items():
        low, high = interval(counts, name, options.ci) if options.ci else (value, value)
        print(f"  {name:28s} {value:6.2f} %   [{low:.2f}, {high:.2f}]")
    print(f"  {'characters per CPU second':28s} {characters / max(spent, 1e-9):8.0f}")
    if options.out is not None:
        write(options.out / f"{path.stem}.jsonl", pairs)
    groups: dict[str, list[Counts]] = {}
    for (row, _), each in zip(pairs, counts, strict=True):
        groups.setdefault(str(row.get(options.by, "")) if options.by else "", []).append(each)
    return [_line(f"{path.stem} {name}".strip(), each, options.ci) for name, each in sorted(groups.items())]


_COLUMNS = (
    "character recall",
    "character precision",
    "spans fully covered",
    "zero-leak documents",
    "PII-free documents hit",
)


def _line(name: str, counts: Sequence[Counts], resamples: int) -> tuple[str, ...]:
    total = sum(counts, Counts())
    found, cells = rates(total), []
    for column in _COLUMNS:
        low, high = interval(counts, column, resamples) if resamples and column in found else (0.0, 0.0)
        width = f" [{low:.1f}, {high:.1f}]" if resamples else ""
        cells.append(f"{found[column]:.1f}{width}" if column in found else "–")
    return (name, str(len(counts)), str(total.spans), *cells)


def _is_partly_trained_on(row: dict[str, Any]) -> bool:
    return str(row.get("source", "")).startswith(("presidio_synth", "tab_echr", "echr_fr_es"))


def write(path: Path, pairs: Iterable[tuple[dict[str, Any], Sequence[Finding]]]) -> None:
    """Write predictions as `cordon redact --jsonl` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row, found in pairs:
            spans = [
                {"start": f.start, "end": f.end, "label": LABELS.get(f.type, f.type.value), "score": f.score}
                for f in found
            ]
            file.write(json.dumps({"id": row["id"], "spans": spans}) + "\n")


def main() -> None:
    """Measure every set named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", nargs="+", type=Path)
    parser.add_argument("--patterns-only", action="store_true")
    parser.add_argument("--point", default="balanced", choices=("balanced", "strict"))
    parser.add_argument("--bare-year", default="keep", choices=("keep", "redact"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--kept-back", action="store_true", help="leave out what the bundled model was trained on")
    parser.add_argument("--by", default="", help="a field of the gold lines to part the table by, such as lang")
    parser.add_argument("--model", type=Path, help="a folder with another build of the model")
    parser.add_argument("--ci", type=int, default=0, help="resamples for the interval; 1000 for a table to publish")
    options = parser.parse_args()
    ner = None if options.patterns_only else load(options.model)
    analyst = Analyst.build(ner)
    weights = "none" if ner is None else ner.digest[:16]
    print(f"catalogue {analyst.catalogue_digest[:16]}, weights {weights}, ", end="")
    print(f"point {options.point}, bare years {options.bare_year}")
    lines = [line for path in options.gold for line in measure(path, analyst, options)]
    show("Percent, 95 % document bootstrap", ("set", "documents", "spans", *_COLUMNS), lines)


if __name__ == "__main__":
    main()
