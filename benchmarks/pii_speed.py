"""How fast detection is: our patterns, the model, the whole stack, and stock Presidio patterns, in the same run.

    python -m benchmarks.pii_speed [TEXT.txt] [--characters 200000]

Ratios travel between machines, times do not: read the column "of stock". All are figures of one thread, in CPU time.
Without a file the text is generated: dense with names, numbers and dates, the worst case for all.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, predefined_recognizers
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from spacy.language import Language

from benchmarks.pii import load
from filters.analyse import Analyst, Extras, Switches
from filters.cache import Memory
from filters.parts import Form, Part, PatientText

NOTE = (
    "Mrs Hannah Okafor (MRN 20-{n:05d}), DOB 12/03/1948, was reviewed on 3 March 2021 in the clinic. BP 132/84, HR 72, "
    "afebrile. She takes ramipril 5 mg daily and was started on apixaban. No chest pain, no dyspnoea. Bloods: Hb 128, "
    "creatinine 88, potassium 4.2. Plan: repeat echocardiogram, call 020 7946 {n:04d} with the result, see next week.\n"
)
STOCK = (
    "CreditCardRecognizer", "IbanRecognizer", "EmailRecognizer", "PhoneRecognizer", "UsSsnRecognizer", "IpRecognizer",
    "DateRecognizer",
)  # fmt: skip


class _Engine(SpacyNlpEngine):  # type: ignore[misc] # presidio is untyped
    def __init__(self, nlp: Language) -> None:
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
        self.nlp = {"en": nlp}


def spacy_ner() -> Language:
    """An English pipeline with spaCy's own name finder in its default shape, that of the small packaged pipelines. Its
    weights are drawn at random: what it finds is nonsense, what it costs is not.
    """
    nlp = spacy.blank("en")
    finder = nlp.add_pipe("ner")
    for label in ("PERSON", "GPE", "ORG", "DATE"):
        finder.add_label(label)  # type: ignore[attr-defined] # spaCy's pipes are not typed
    nlp.initialize()
    return nlp


def stock(nlp: Language, *more: str) -> Callable[[str], object]:
    """Stock Presidio with seven of its pattern recognizers, without the quadratic one for URLs, and `more`."""
    recognizers = [getattr(predefined_recognizers, name)(supported_language="en") for name in (*STOCK, *more)]
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=["en"])
    engine = AnalyzerEngine(registry=registry, nlp_engine=_Engine(nlp), supported_languages=["en"])
    return lambda text: engine.analyze(text, language="en")


def rate(work: Callable[[str], object], texts: list[str]) -> float:
    """Return characters per CPU second."""
    work(texts[0])
    begin = time.process_time()
    for text in texts:
        work(text)
    return sum(map(len, texts)) / max(time.process_time() - begin, 1e-9)


def spread(work: Callable[[str], object], texts: list[str]) -> tuple[float, float]:
    """Return the median and the 95th percentile in milliseconds of CPU: what else runs does not count."""
    times = []
    for text in texts:
        begin = time.process_time()
        work(text)
        times.append((time.process_time() - begin) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def finder(analyst: Analyst, form: Form = Form.TEXT) -> Callable[[str], object]:
    """Return detection of one text."""
    return lambda text: analyst.find([Part(0, "user", form, PatientText(text))], [], Switches(), caller="bench")


def history(analyst: Analyst, texts: list[str]) -> tuple[float, float]:
    """Return milliseconds for one new message alone, and for it after fifty old ones: the median of nine."""
    old = [Part(i, "user", Form.TEXT, PatientText(text)) for i, text in enumerate(texts[:50])]
    analyst.find(old, [], Switches(), caller="bench")
    alone, after = [], []
    for number, text in enumerate(texts[50:59]):
        alone.append(_took(analyst, [Part(0, "user", Form.TEXT, PatientText(f"x {text}"))]))
        after.append(_took(analyst, [*old, Part(50, "user", Form.TEXT, PatientText(f"{number} {text}"))]))
    return statistics.median(alone), statistics.median(after)


def _took(analyst: Analyst, parts: list[Part]) -> float:
    begin = time.process_time()
    analyst.find(parts, [], Switches(), caller="bench")
    return (time.process_time() - begin) * 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="?", type=Path)
    parser.add_argument("--characters", type=int, default=200_000, help="at least 130,000")
    options = parser.parse_args()
    options.characters = max(options.characters, 130_000)
    if options.text is not None:
        text = options.text.read_text(encoding="utf-8")[: options.characters]
    else:
        text = "".join(NOTE.format(n=i) for i in range(options.characters // len(NOTE)))
    texts = [text[i : i + 2_000] for i in range(0, len(text) - 2_000, 2_000)]
    ner = load(None)
    patterns, everything = Analyst.build(None), Analyst.build(ner, Extras(memory=Memory(b"b" * 32, time.monotonic)))
    base = rate(stock(spacy.blank("en")), texts)
    rows = [
        ("stock Presidio, 7 recognizers", base),
        ("the same with spaCy's NER", rate(stock(spacy_ner(), "SpacyRecognizer"), texts)),
        ("our patterns, whole path", rate(finder(patterns), texts)),
        ("the model alone", rate(ner.spans, texts)),
        ("the whole stack", rate(finder(everything), texts)),
    ]
    print(f"{'what':34s} {'characters/s':>14s} {'of stock':>9s}")
    for name, value in rows:
        print(f"{name:34s} {value:14,.0f} {value / base:9.2f}")
    short = [text[i : i + 150] for i in range(0, 30_000, 150)]
    median, high = spread(finder(everything), short)
    print(f"prompt of 150 characters: p50 {median:.1f} ms, p95 {high:.1f} ms")
    alone, after = history(everything, [f"{i} " + t for i, t in enumerate(texts)])
    print(f"one new message of 2,000 characters: {alone:.0f} ms; after fifty old ones: {after:.0f} ms")


if __name__ == "__main__":
    main()
