"""The analyst as it ships: every recognizer and the bundled clinical model, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources

from filters.analyse import Analyst
from filters.findings import Finding
from filters.ner import ClinicalNer, NerFiles
from filters.output import OutputScan
from filters.switches import Switches

__all__ = ["Reader", "bundled_analyst", "scanned_by"]

_FILES = ("model.onnx", "tokenizer.json", "labels.json")


def bundled_analyst() -> Analyst:
    """Build it from the packaged files."""
    folder = resources.files("filters") / "clinical_ner"
    return Analyst.build(ClinicalNer.load(NerFiles(*((folder / name).read_bytes() for name in _FILES))))


@dataclass(slots=True)
class Reader:
    """Asks the analyst once for each window: detection is a function of the text, so equal windows read equal.

    Were a window cut differently for another split, its text would be new and the analyst would read it anew; so the
    memory hides no difference.
    """

    analyst: Analyst
    switches: Switches
    windows: dict[str, tuple[Finding, ...]] = field(default_factory=dict)

    def look(self, window: str) -> tuple[Finding, ...]:
        """Return the findings of a window."""
        if window not in self.windows:
            self.windows[window] = self.analyst.look(window, self.switches)
        return self.windows[window]


def scanned_by(reader: Reader, scan: OutputScan, chunks: Iterable[str]) -> Iterator[str]:
    """Feed chunks as the pipeline does; yield what is released."""
    for chunk in chunks:
        scan.feed(chunk)
        yield from _settled(reader, scan)
    scan.finish()
    yield from _settled(reader, scan)


def _settled(reader: Reader, scan: OutputScan) -> Iterator[str]:
    while (window := scan.due()) is not None:
        yield scan.settle(window, reader.look(window.text.reveal()))
