"""The browser verifier's checks in a Node process, so that a test can ask both verifiers the same question.

with second_verifier(folder) as other:
    assert other.examine(package, trust, keyring, anchors).json == examine(...).encode()
"""

import base64
import io
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.officer import Keyring, Trust
from audit.strictjson import dumps
from audit.verifier.page import engine
from audit.verify import Anchors, Verification, examine, plain_words, read_package
from proxy.errors import ERRORS

BROWSER = Path(__file__).parents[1] / "browser"
REASONS = {code: entry.message for code, entry in ERRORS.items()}
RELEASE = "0.1.0"


@dataclass(frozen=True)
class Answer:
    """What the second verifier said."""

    json: bytes
    words: tuple[str, ...]
    csv: str | None


@dataclass
class SecondVerifier:
    """A running Node process and a place for packages."""

    process: subprocess.Popen[str]
    folder: Path

    def examine(
        self,
        package: bytes,
        trust: Trust,
        keyring: Keyring | None = None,
        anchors: Anchors | None = None,
        *,
        csv: bool = False,
    ) -> Answer:
        anchors = anchors or Anchors()
        path = self.folder / "case.zip"
        path.write_bytes(package)
        case: dict[str, object] = {
            "package": str(path),
            "trust": trust.encode().decode(),
            "keyring": None if keyring is None else dumps(keyring.body()).decode(),
            "anchors": [note.decode() for note in anchors.book],
            "paper": list(anchors.paper),
            "csv": csv,
        }
        said = self.ask(case)
        return Answer(said["json"].encode("ascii"), tuple(said["words"]), said.get("csv"))

    def accepts(self, group: str, name: str, data: bytes) -> bool:
        """Whether bytes are strict JSON of a shape."""
        said = self.ask({"group": group, "name": name, "bytes": base64.b64encode(data).decode()})
        return bool(said["accepted"])

    def ask(self, case: dict[str, object]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self.process.stdout.readline() or '{"error": "the process ended"}')
        assert "error" not in said, said["error"]
        return said

    def both(
        self, package: bytes, trust: Trust, keyring: Keyring | None = None, anchors: Anchors | None = None
    ) -> Verification:
        """Ask both verifiers; they must agree to the byte and in words. Return what they agree on."""
        found = examine(read_package(io.BytesIO(package)), trust, keyring, anchors)
        other = self.examine(package, trust, keyring, anchors)
        assert other.json == found.encode()
        assert other.words == plain_words(found)
        return found


@contextmanager
def second_verifier(folder: Path) -> Iterator[SecondVerifier]:
    """Start Node with the very text that the page carries."""
    script = folder / "engine.mjs"
    script.write_text(engine(REASONS, RELEASE) + "export default Cordon;\n")
    command = ["node", str(BROWSER / "verifier/answer.mjs"), str(script)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield SecondVerifier(process, folder)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
