"""Measures a model folder on development sets, and chooses the thresholds of both operating points.

    python -m models.clinical_ner.evaluate --model build/ner/out --data DATA [--choose] [--json FILE]

Law: measures the model alone (no patterns, no propagation) through `filters/ner.py`, the code that is shipped. The
sets are development data: thresholds are chosen on them, so the numbers are no held-out claims, except the generator
rows, whose names and templates' fillings training never saw.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from filters.ner import ClinicalNer, NerFiles
from models.clinical_ner.export import write_labels
from models.clinical_ner.generate import Generator, load_templates
from models.clinical_ner.labels import KINDS
from models.clinical_ner.lexicon import LANGS, load_lexicon
from models.clinical_ner.mix import held_out
from models.clinical_ner.score import Counts, count, interval, rates
from models.clinical_ner.sources import rows

__all__ = ["Word", "choose", "load_model", "main", "sets", "words_of"]

_HERE = Path(__file__).parent
_IGNORED = frozenset({"AGE", "PROFESSION", "NRP"})
_CANDIDATES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its strongest label and its lowest P(O)."""

    start: int
    end: int
    label: str
    clean: float


def load_model(folder: Path, model: str = "model.onnx") -> tuple[ClinicalNer, Tokenizer]:
    """Load a folder as the product does."""
    files = NerFiles(*((folder / n).read_bytes() for n in (model, "tokenizer.json", "labels.json")))
    tokenizer = Tokenizer.from_str(files.tokenizer.decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return ClinicalNer.load(files), tokenizer


def words_of(ner: ClinicalNer, tokenizer: Tokenizer, text: str) -> list[Word]:
    """Return every word of a text."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    if not encoding.ids:
        return []
    shares = ner.probabilities(encoding.ids)
    by_label = shares[:, 1::2] + shares[:, 2::2]
    groups: dict[int, list[int]] = {}
    for piece, word in enumerate(encoding.word_ids):
        groups.setdefault(word, []).append(piece)
    return [
        Word(
            encoding.offsets[p[0]][0],
            encoding.offsets[p[-1]][1],
            KINDS[int(by_label[p].sum(axis=0).argmax())],
            float(shares[p, 0].min()),
        )
        for p in groups.values()
    ]


def _generated(lang: str, count_of: int, *, seed: int = 99) -> list[dict[str, Any]]:
    generator = Generator(load_lexicon(_HERE / "names", "dev"), load_templates(_HERE / "templates"), seed)
    return [
        {"id": f"gen-{lang}-{i}", "text": d.text, "spans": [{"start": a, "end": b, "label": x} for a, b, x in d.spans]}
        for i, d in enumerate(generator.documents(count_of, (lang,)))
    ]


def _negatives(kind: str) -> list[dict[str, Any]]:
    lexicon = load_lexicon(_HERE / "names", "dev")
    frames = {
        "eponyms": ("Patient with {} disease.", "Known {} syndrome, stable.", "{} sign negative."),
        "brands": ("Takes {} 10 mg daily.", "Stop {} and review.", "Allergic to {}."),
    }
    words = getattr(lexicon, kind)
    frame = frames[kind]
    return [{"id": f"{kind}-{i}", "text": frame[i % len(frame)].format(w), "spans": []} for i, w in enumerate(words)]


def sets(data: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the development sets by name."""
    dev, train = data / "pii_dev", data / "pii_train"
    court = rows(dev / "echr_fr_es_manual_dev.jsonl")
    found = {
        "MEDDOCAN dev, es": rows(train / "meddocan_es_dev.jsonl"),
        "presidio-research synth v2, en": rows(dev / "presidio_synth_v2_dev.jsonl"),
        "TAB court, en": rows(dev / "tab_echr_en_144_dev.jsonl"),
        "court sentences, fr": [r for r in court if r["lang"] == "fr"],
        "court sentences, es": [r for r in court if r["lang"] == "es"],
        "multiNER held-out blocks, en": [
            r
            for r in rows(train / "multiner_en_si_ta_train.jsonl")
            if r["lang"] == "en" and held_out(f"multiner-block-{int(r['id'].rsplit('-', 1)[-1]) // 200}", 0.1)
        ],
        "clinical background, 30 % held out, en": [
            {**r, "spans": []} for r in rows(train / "clinical_background_en.jsonl") if held_out(r["id"], 0.3)
        ],
        "own eponyms (development part)": _negatives("eponyms"),
        "own brands (development part)": _negatives("brands"),
    }
    for lang in LANGS:
        found[f"generator, unseen names, {lang}"] = _generated(lang, 150)
    return found


def _gain(words: dict[str, list[tuple[dict[str, Any], list[Word]]]]) -> dict[str, list[tuple[str, float, int, int]]]:
    """Return (label, P(O), right characters, wrong characters) of every suspicious word, by set."""
    out: dict[str, list[tuple[str, float, int, int]]] = {}
    for name, documents in words.items():
        found = []
        for row, marked in documents:
            real = {i for s in row["spans"] if s["label"] not in _IGNORED for i in range(s["start"], s["end"])}
            spared = {i for s in [*row.get("ignore", ()), *row["spans"]] for i in range(s["start"], s["end"])} - real
            for w in marked:
                if w.clean < 0.985:
                    chars = [i for i in range(w.start, w.end) if row["text"][i].isalnum()]
                    right = sum(i in real for i in chars)
                    wrong = sum(i not in real and i not in spared for i in chars) if w.label not in _IGNORED else 0
                    found.append((w.label, w.clean, right, wrong))
        out[name] = found
    return out


def _f(words: list[tuple[str, float, int, int]], total: int, taus: dict[str, float], beta: float) -> float:
    right = sum(r for label, clean, r, _ in words if clean < taus[label])
    wrong = sum(w for label, clean, _, w in words if clean < taus[label])
    if not right:
        return 0.0
    recall, precision = right / total, right / (right + wrong)
    return (1 + beta**2) * recall * precision / (beta**2 * precision + recall)


def choose(words: dict[str, list[tuple[dict[str, Any], list[Word]]]], beta: float) -> dict[str, float]:
    """Choose one threshold per label: the best mean F-beta over the sets that hold identifiers."""
    gains = {k: v for k, v in _gain(words).items() if any(r for _, _, r, _ in v)}
    totals = {
        k: sum(
            sum(c.isalnum() for c in row["text"][s["start"] : s["end"]])
            for row, _ in words[k]
            for s in row["spans"]
            if s["label"] not in _IGNORED
        )
        for k in gains
    }
    taus = dict.fromkeys(KINDS, 0.5)
    for _ in range(2):
        for label in KINDS:
            best = max(
                _CANDIDATES, key=lambda t: sum(_f(v, totals[k], {**taus, label: t}, beta) for k, v in gains.items())
            )
            taus[label] = best
    return taus


def _report(words: dict[str, list[tuple[dict[str, Any], list[Word]]]], taus: dict[str, float]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, documents in words.items():
        counts: list[Counts] = [
            count(row, ((w.start, w.end, w.label) for w in found if w.clean < taus[w.label]), _IGNORED)
            for row, found in documents
        ]
        out[name] = {
            "documents": len(counts),
            "spans": sum(c.spans for c in counts),
            "rates": rates(counts),
            "interval": interval(counts, 1000 if len(counts) < 400 else 300),
        }
    return out


def table(report: dict[str, Any]) -> str:
    """Return the report as a Markdown table."""
    names = ("char_recall", "char_precision", "covered_recall", "zero_leak", "free_hit", "over_redacted")
    lines = [
        "| set | documents | spans | " + " | ".join(n.replace("_", " ") for n in names) + " |",
        "|---" * (len(names) + 3) + "|",
    ]
    for name, r in report.items():
        cells = []
        for n in names:
            value, (low, high) = r["rates"][n], r["interval"][n]
            cells.append("–" if value != value else f"{value:.1f} [{low:.1f}, {high:.1f}]")  # noqa: PLR0124 - NaN
        lines.append(f"| {name} | {r['documents']} | {r['spans']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_card(path: Path, folder: Path, measured: str) -> None:
    """Put tables and hashes between the card's marks; the card is shipped as it stands."""
    card = path.read_text("utf8")
    start, end = card.index("<!-- measured -->") + len("<!-- measured -->"), card.index("<!-- end -->")
    names = ("model.onnx", "tokenizer.json", "labels.json")
    hashes = "".join(f"* `{n}` SHA-256 `{hashlib.sha256((folder / n).read_bytes()).hexdigest()}`\n" for n in names)
    path.write_text(f"{card[:start]}\n{hashes}\n{measured}\n{card[end:]}", "utf8")


_EXPLAINED = """Model alone, AGE not scored, characters are letters and digits. In percent, 95 % intervals by
document bootstrap. *Covered*: the whole identifier is hidden. *Zero leak*: all identifiers of a document are.
*Free hit*: documents without identifier in which something was hidden (the clinical background holds some real dates
and places, so its rows are upper bounds; eponyms and brands stand in three short frames). All sets but the generator's
were looked at during development and the thresholds were chosen on all rows: these are development numbers, no claims.
Matching: any label hides; titles and function words inside an identifier are not counted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and with `--choose` write new thresholds first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--file", default="model.onnx", help="float.onnx measures the model before int8")
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--card", type=Path, help="write the tables into this card")
    options = parser.parse_args(arguments)
    ner, tokenizer = load_model(options.model, options.file)
    words = {k: [(r, words_of(ner, tokenizer, r["text"])) for r in v] for k, v in sets(options.data).items()}
    if options.choose:
        balanced = choose(words, 2.0)
        strict = choose(words, 5.0)
        write_labels(options.model, balanced, {k: max(strict[k], balanced[k]) for k in KINDS})
    taus = json.loads((options.model / "labels.json").read_text())["thresholds"]
    result = {point: _report(words, taus[point]) for point in ("balanced", "strict")}
    tables = "".join(f"\n**{point}** {taus[point]}\n\n{table(report)}\n" for point, report in result.items())
    print(tables)
    if options.card:
        write_card(options.card, options.model, f"{_EXPLAINED}\n{tables}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
