"""An officer's folder: her public trust, her keyring, the identities that open it, her book of anchors.

    trust.json   keyring.age   <name>.identity.age (under a passphrase)   anchors/<log>/<size>.note

Law: a passphrase is asked for on a terminal or read from a file that was named, never taken from a command line or the
environment; no key is ever printed. A demonstration's folder has one identity without a passphrase, and is marked so.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from audit.checkpoint import Vkey, short_code
from audit.officer import Keyring, Trust, open_keyring
from audit.seal import Identity, NotOpenedError, age_decrypt_passphrase
from audit.strictjson import MalformedError
from proxy.cli.command import complain

__all__ = [
    "DEMO_IDENTITY", "KEYRING", "TRUST", "KeysError", "OfficerFiles", "agrees", "anchor_folder", "ask_passphrase",
    "key_code", "open_identity", "read_keyring", "read_trust",
]  # fmt: skip

TRUST, KEYRING, DEMO_IDENTITY = "trust.json", "keyring.age", "demo.identity"
_SUFFIX = ".identity.age"


class KeysError(Exception):
    """A key cannot be had; the message is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class OfficerFiles:
    """Where an officer's keys lie, each file named by the user or found in her folder."""

    trust: Path | None = None
    keyring: Path | None = None
    identity: Path | None = None
    anchors: Path | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> OfficerFiles:
        """Look into a folder; the identity is chosen only where there is no choice."""
        found = [path for path in (folder / DEMO_IDENTITY,) if path.is_file()] or sorted(folder.glob(f"*{_SUFFIX}"))
        return cls(
            trust=_if_file(folder / TRUST),
            keyring=_if_file(folder / KEYRING),
            identity=found[0] if len(found) == 1 else None,
            anchors=folder / "anchors" if (folder / "anchors").is_dir() else None,
        )

    def or_else(self, other: OfficerFiles) -> OfficerFiles:
        """What is missing here, from there."""
        return OfficerFiles(
            self.trust or other.trust,
            self.keyring or other.keyring,
            self.identity or other.identity,
            self.anchors or other.anchors,
        )


def _if_file(path: Path) -> Path | None:
    return path if path.is_file() else None


def anchor_folder(origin: str) -> str:
    """Where the anchors of one log lie in an officer's book."""
    return f"anchors/{sha256(origin.encode('ascii')).hexdigest()[:16]}"


def key_code(key: Vkey) -> str:
    """What two people compare by voice."""
    return short_code(key.key)


def read_trust(path: Path) -> Trust:
    """Read `trust.json`. Raises KeysError."""
    try:
        return Trust.parse(path.read_bytes())
    except (OSError, MalformedError, ValueError):
        raise KeysError(f"{path} is not a trust file; nothing was checked") from None


def read_keyring(path: Path, identities: Sequence[Identity]) -> Keyring:
    """Open `keyring.age`. Raises KeysError."""
    try:
        return open_keyring(path.read_bytes(), identities)
    except OSError as error:
        raise KeysError(f"{path} cannot be read ({error.strerror})") from None
    except (NotOpenedError, MalformedError):
        raise KeysError(f"{path} does not open with this identity; nothing was read from it") from None


def open_identity(path: Path, passphrase: Callable[[Path], str]) -> Identity:
    """Read an identity file, plain or under a passphrase. Raises KeysError."""
    try:
        data = path.read_bytes()
        if data.startswith(b"age-encryption.org/"):
            data = age_decrypt_passphrase(passphrase(path), data)
        lines = [line for line in data.decode("ascii").splitlines() if line and not line.startswith("#")]
        if len(lines) != 1:
            raise MalformedError("identity")
        return Identity.parse(lines[0].strip())
    except OSError as error:
        raise KeysError(f"{path} cannot be read ({error.strerror})") from None
    except NotOpenedError:
        raise KeysError(f"the passphrase does not open {path}; nothing was done. Try again") from None
    except ValueError:
        raise KeysError(f"{path} is not an identity file; nothing was done") from None


def ask_passphrase(file: Path | None) -> Callable[[Path], str]:
    """How a passphrase is had: from a named file, else from the terminal."""

    def ask(identity: Path) -> str:
        if file is not None:
            try:
                return file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise KeysError(f"{file} cannot be read; nothing was done") from None
        if not sys.stdin.isatty():
            raise KeysError("there is no terminal to ask for the passphrase; nothing was done. Use --passphrase-file")
        return getpass.getpass(f"Passphrase of {identity.name}: ").strip()

    return ask


def agrees(question: str, *, yes: bool) -> bool:
    """Ask a person; without a terminal, and without --yes, the answer is no."""
    if yes:
        return True
    if not sys.stdin.isatty():
        complain("there is no terminal to ask on; nothing was done. Compare the code, then use --yes")
        return False
    sys.stderr.write(f"{question} [yes/no] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
