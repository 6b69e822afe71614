"""Measures a model folder on development sets, and chooses the thresholds of both operating points.

    python -m models.clinical_ner.evaluate --model build/ner/out --data DATA [--choose] [--json FILE]

Law: measures the model alone (no patterns, no propagation) through `filters/ner.py`, the code that is shipped. Nothing
measured was trained on: of sets that are partly trained on, only the documents kept back count; generator rows use
sentences and names of the development part. But thresholds are chosen on these rows, so they are development numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from filters.ner import ClinicalNer, NerFiles
from filters.romanise import romanise
from models.clinical_ner.generate import Generator, load_templates
from models.clinical_ner.labels import KINDS, write_labels
from models.clinical_ner.letters import labelled, letters
from models.clinical_ner.lexicon import LANGS, SCRIPT_LANGS, load_lexicon
from models.clinical_ner.mix import held_out, is_kept_back
from models.clinical_ner.score import Counts, count, interval, rates
from models.clinical_ner.sources import rows

__all__ = ["Word", "choose", "load_model", "main", "sets", "words_of"]

_HERE = Path(__file__).parent
_IGNORED = frozenset({"AGE", "PROFESSION", "NRP"})
_AGE = 0.8
_CANDIDATES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
"""Under one half nothing is gained by silence: addresses and links, which patterns find as well, would choose it. Above
0.98, and 0.995 at the strict point, the words of a question are taken for people ("efectos adversos")."""
_LEAST = {"PERSON": 0.965, "LOCATION": 0.95, "DATE": 0.9}
"""A model is surer on the sets it is chosen on than on what it will read (`kept/`); here doubt must be enough."""


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
    latin = romanise(text)
    encoding = tokenizer.encode(text if latin is None else latin.text, add_special_tokens=False)
    if not encoding.ids:
        return []
    shares = ner.probabilities(encoding.ids)
    by_label = shares[:, 1::2] + shares[:, 2::2]
    groups: dict[int, list[int]] = {}
    for piece, word in enumerate(encoding.word_ids):
        groups.setdefault(word, []).append(piece)
    places = {p[0]: (encoding.offsets[p[0]][0], encoding.offsets[p[-1]][1]) for p in groups.values()}
    if latin is not None:
        places = {first: latin.span(*place) for first, place in places.items()}
    return [
        Word(
            *places[p[0]],
            KINDS[int(by_label[p].sum(axis=0).argmax())],
            float(shares[p, 0].min()),
        )
        for p in groups.values()
    ]


def _generated(
    langs: tuple[str, ...], count_of: int, *, seed: int = 99, plain_share: float = 0.35
) -> list[dict[str, Any]]:
    templates = load_templates(_HERE / "templates", "dev")
    generator = Generator(load_lexicon(_HERE / "names", "dev"), templates, seed)
    return labelled(generator.documents(count_of, langs, plain_share=plain_share), "gen")


_FRAMES = {
    "eponyms": ("Patient with {} disease.", "Known {} syndrome, stable.", "{} sign negative."),
    "brands": ("Takes {} 10 mg daily.", "Stop {} and review.", "Allergic to {}."),
}


def _negatives(kind: str) -> list[dict[str, Any]]:
    words, frame = getattr(load_lexicon(_HERE / "names", "dev"), kind), _FRAMES[kind]
    return [{"id": f"{kind}-{i}", "text": frame[i % len(frame)].format(w), "spans": []} for i, w in enumerate(words)]


def _named(rows_en: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark the listed patients in held-out background; what else stands there is not known, so not counted."""
    out = []
    for r in rows_en:
        words = {w for n in r.get("patient_names") or () for w in re.findall(r"[^\W\d_]{3,}", n.casefold())}
        spans = [
            {"start": m.start(), "end": m.end(), "label": "PERSON"}
            for m in re.finditer(r"[^\W\d_]+", r["text"])
            if m.group().casefold() in words
        ]
        if spans:
            everything = [{"start": 0, "end": len(r["text"]), "label": "UNKNOWN"}]
            out.append({**r, "spans": spans, "ignore": everything})
    return out


def sets(data: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the development sets by name: only documents no training run has seen."""
    dev, train = data / "pii_dev", data / "pii_train"
    court = [r for r in rows(dev / "echr_fr_es_manual_dev.jsonl") if is_kept_back(r)]
    blocks = [
        r
        for r in rows(train / "multiner_en_si_ta_train.jsonl")
        if held_out(f"multiner-block-{int(r['id'].rsplit('-', 1)[-1]) // 200}", 0.1)
    ]
    background = [{**r, "spans": []} for r in rows(train / "clinical_background_en.jsonl") if held_out(r["id"], 0.3)]
    found = {
        "MEDDOCAN dev, es": rows(train / "meddocan_es_dev.jsonl"),
        "presidio-research synth v2, kept half, en": [
            r for r in rows(dev / "presidio_synth_v2_dev.jsonl") if is_kept_back(r)
        ],
        "TAB court, kept half, en": [r for r in rows(dev / "tab_echr_en_144_dev.jsonl") if is_kept_back(r)],
        "court sentences, kept half, fr": [r for r in court if r["lang"] == "fr"],
        "court sentences, kept half, es": [r for r in court if r["lang"] == "es"],
        **{f"multiNER held-out blocks, {x}": [r for r in blocks if r["lang"] == x] for x in ("en", "si", "ta")},
        "clinical background, 30 % held out, en": background,
        "listed patients in it (recall only), en": _named(background),
        "own eponyms (development part)": _negatives("eponyms"),
        "own brands (development part)": _negatives("brands"),
        "own questions and notes without identifiers": _generated(LANGS, 500, plain_share=1.0),
    }
    found["own letters, sentences and names apart from training, de"] = letters()
    for lang in (*LANGS, *SCRIPT_LANGS):
        found[f"generator, unseen sentences and names, {lang}"] = _generated((lang,), 150)
    return found


_NOT_CHOSEN_ON = (", si", ", ta", ", ar", "(recall only), en")


def _gain(words: dict[str, list[tuple[dict[str, Any], list[Word]]]]) -> dict[str, list[tuple[str, float, int, int]]]:
    """Return (label, P(O), right characters, wrong characters) of every suspicious word, by set."""
    out: dict[str, list[tuple[str, float, int, int]]] = {}
    for name, documents in words.items():
        found = []
        for row, marked in documents:
            real = {i for s in row["spans"] if s["label"] not in _IGNORED for i in range(s["start"], s["end"])}
            spared = {i for s in [*row.get("ignore", ()), *row["spans"]] for i in range(s["start"], s["end"])} - real
            for w in marked:
                if w.clean < _CANDIDATES[-1]:
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


def choose(
    words: dict[str, list[tuple[dict[str, Any], list[Word]]]], beta: float, highest: float = 1.0
) -> dict[str, float]:
    """Choose one threshold per label, at most `highest`: the best mean F-beta over the sets that hold identifiers.

    Ages are not scored, so theirs is not chosen.
    """
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
    taus = {**dict.fromkeys(KINDS, 0.5), "AGE": _AGE}
    candidates = [tau for tau in _CANDIDATES if tau <= highest]
    for _ in range(2):
        for label in KINDS:
            if label in _IGNORED:
                continue
            best = max(
                candidates, key=lambda t: sum(_f(v, totals[k], {**taus, label: t}, beta) for k, v in gains.items())
            )
            taus[label] = max(best, _LEAST.get(label, 0.0))
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
            "interval": interval(counts),
        }
    return out


def table(report: dict[str, Any]) -> str:
    """Return the report as a Markdown table."""
    names = (
        "char_recall",
        "char_precision",
        "covered_recall",
        "names_covered",
        "zero_leak",
        "free_hit",
        "over_redacted",
    )
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
document bootstrap. *Covered*: the whole identifier is hidden (*names*: of people). *Zero leak*: all identifiers of a
document are. *Free hit*: documents without identifier in which something was hidden (the clinical background holds some
real dates and places, so its rows are upper bounds; eponyms and brands stand in three short frames). No document here
was trained on, but all were looked at during development and the thresholds were chosen on these rows (not on si, ta,
ar): these are development numbers, no claims. The other halves of the court and generic sets were trained on, so their
style is known to the model. Matching: any label hides; titles and function words inside an identifier do not count."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and with `--choose` write new thresholds first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--file", default="model.onnx", help="float.onnx measures the model before int8")
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--beta", type=float, default=3.0, help="how often recall counts against precision")
    parser.add_argument(
        "--every", type=int, default=1, help="measure only every n-th document: quicker, wider intervals"
    )
    parser.add_argument("--only", default="", help="measure only sets whose name holds this")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--card", type=Path, help="write the tables into this card")
    options = parser.parse_args(arguments)
    ner, tokenizer = load_model(options.model, options.file)
    words = {
        k: [(r, words_of(ner, tokenizer, r["text"])) for r in v[:: options.every]]
        for k, v in sets(options.data).items()
        if options.only in k
    }
    if options.choose:
        asked = {k: v for k, v in words.items() if not k.endswith(_NOT_CHOSEN_ON)}
        balanced, strict = choose(asked, options.beta, 0.98), choose(asked, 2 * options.beta, 0.995)
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
