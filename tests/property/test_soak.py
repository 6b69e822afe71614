"""Invariant: what was read leaves nothing behind but what the memory of conversations keeps, and that is bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_CODE = """
import json, resource, sys
from pathlib import Path
from filters.analyse import Analyst, Extras
from filters.cache import Memory
from filters.parts import Form, Part, PatientText
from filters.switches import Switches

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

memory = Memory(b"k" * 32, lambda: 0.0)
analyst = Analyst.build(None, Extras(memory=memory))

def documents(first, count):
    for n in range(first, first + count):
        words = " ".join(f"w{n}x{k}" for k in range(60))
        text = f"Mr Anton Varga{n}, MRN 20-{n:06d}, on 3 March 2021, 020 7946 {n:04d}. {words}"
        analyst.find([Part(0, "user", Form.TEXT, PatientText(text))], [], Switches(), caller="c")

documents(0, 150)
before = resident()
documents(150, 450)
print(json.dumps({"grew": resident() - before, "kept": memory._bytes, "messages": len(memory)}))
"""


def test_hundreds_of_documents_of_new_words_leave_no_more_than_the_memory_counts() -> None:
    """10,000 of them, with the model, are in benchmarks/pii_soak.py."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True, cwd=root)
    said = json.loads(done.stdout)
    assert said["messages"] == 600
    assert said["grew"] < 3 * said["kept"] + 5 * 2**20
