"""What the analyst weighs after many requests: documents of new words, one after another, in a process of its own.

    python -m benchmarks.pii_soak [--documents 10000] [--characters 600]

Prints the time to import and to be ready, the memory after the start, after half of the documents and after all.
Every document holds words nobody sent before, and names, numbers and dates; the memory of conversations is in use, so
it fills up to its bounds. What grows in the second half would grow for ever.
"""

from __future__ import annotations

import argparse
import resource
import secrets
import time
from pathlib import Path

from benchmarks.table import machine, show

LIMIT_MB, GROWTH_MB = 250, 5


def resident_mb() -> float:
    """Memory of this process now, as the kernel counts it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def document(number: int, characters: int) -> str:
    """A note of words that are new, with some identifiers."""
    words = " ".join(f"word{secrets.token_hex(2)}" for _ in range(characters // 9))
    return f"Mr Anton Varga{number}, MRN 20-{number:06d}, on 3 March 2021, tel 020 7946 {number % 10_000:04d}. {words}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--characters", type=int, default=600)
    options = parser.parse_args()
    began = time.process_time()
    from filters.parts import Form, Part, PatientText  # what is imported is part of what is measured
    from filters.switches import Switches
    from proxy.workers.analyst import load_analyst

    analyst = load_analyst()
    if analyst is None:
        raise SystemExit("the analyst does not start")
    start_s = time.process_time() - began
    sizes = [resident_mb()]
    for number in range(options.documents):
        part = Part(0, "user", Form.TEXT, PatientText(document(number, options.characters)))
        analyst.find([part], [], Switches(), caller=f"c{number % 5}")
        if number + 1 in (options.documents // 2, options.documents):
            sizes.append(resident_mb())
    first, half, last = sizes
    rows = [
        ("import and start, CPU", f"{start_s:.2f} s", "2 s"),
        ("resident after the start", f"{first:.0f} MiB", ""),
        (f"after {options.documents // 2:,} documents", f"{half:.0f} MiB", ""),
        (f"after {options.documents:,} documents", f"{last:.0f} MiB", f"{LIMIT_MB} MiB"),
        ("growth in the second half", f"{last - half:.1f} MiB", f"{GROWTH_MB} MiB"),
    ]
    show("The analyst after many documents", ("", "measured", "target"), rows)
    print(machine())


if __name__ == "__main__":
    main()
