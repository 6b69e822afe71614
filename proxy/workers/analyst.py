"""The analyst process: Presidio, patterns and the clinical NER over patient text. Started by the supervisor.

Law: locked before anything heavy is imported or any text is read; one request at a time, in order; every failure is a
code; nothing leaves but offsets and the spread set, and those go to the gateway alone.
"""

from __future__ import annotations

import secrets
import socket
import sys
import time
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from filters.parts import Form, Part, PatientText
from filters.plugins import PluginRefused
from filters.site import NO_SITE, Site
from proxy.detectors import read_order
from proxy.workers.border import Control, parse_arguments
from proxy.workers.confine import Role
from proxy.workers.lockdown import lock_child
from proxy.workers.wire import (
    Failed,
    Find,
    FoundParts,
    Hello,
    Locked,
    Look,
    Looked,
    Message,
    Probe,
    Reader,
    encode,
)

if TYPE_CHECKING:  # imported for real only after the lock
    from filters.analyse import Analyst

__all__ = ["load_analyst", "main", "serve"]

_CHUNK = 1 << 16
WIRE_VERSION = 1


def main(argv: Sequence[str]) -> int:
    """Lock, load, serve until the link closes. Returns the exit status."""
    arguments = parse_arguments(argv)
    control = Control(arguments.descriptors["control"])
    locked = lock_child(Role.ANALYST, arguments, control)
    if locked is None:
        return 78
    analyst = load_analyst(*read_order(arguments.descriptors.get("detectors")))
    if analyst is None:
        control.failed("analyst_canary")
        return 78
    with socket.socket(fileno=arguments.descriptors["link"]) as link:
        link.sendall(encode(Locked(locked.facts())))
        link.sendall(encode(Hello(WIRE_VERSION, analyst.catalogue_digest)))
        serve(link, analyst, locked.facts)
    return 0


def load_analyst(site: Site = NO_SITE, plugins: Sequence[Path] = ()) -> Analyst | None:
    """Build the analyst from the bundled model; None when a detector does not find its own examples."""
    # Presidio, spaCy and onnxruntime are heavy and start threads: they are imported inside the lock only.
    from filters.analyse import Analyst, AnalystCanary, Extras
    from filters.cache import Memory
    from filters.ner import ClinicalNer, NerFiles, NerInvalid, bundled
    from proxy.plugin_folder import load_plugin

    folder = resources.files("filters") / "clinical_ner"
    try:
        model, tokenizer, labels = (
            (folder / name).read_bytes() for name in ("model.onnx", "tokenizer.json", "labels.json")
        )
        memory = Memory(secrets.token_bytes(32), time.monotonic)  # keyed anew by each process, gone with it
        extras = Extras(site, tuple(map(load_plugin, plugins)), memory)
        return Analyst.build(ClinicalNer.load(bundled(NerFiles(model, tokenizer, labels))), extras)
    except (AnalystCanary, NerInvalid, PluginRefused, OSError):
        return None


def serve(link: socket.socket, analyst: Analyst, facts: Callable[[], str]) -> None:
    """Answer requests until the gateway closes the link."""
    reader = Reader()
    while data := link.recv(_CHUNK):
        for message in reader.feed(data):
            link.sendall(encode(_answer(message, analyst, facts)))


def _answer(message: Message, analyst: Analyst, facts: Callable[[], str]) -> Message:
    from filters.analyse import AnalystFault

    try:
        match message:
            case Find():
                return _find(message, analyst)
            case Look():
                return _look(message, analyst)
            case Probe():
                return Locked(facts())
            case _:
                return Failed(0, "analyst_fault")
    except AnalystFault as fault:
        return Failed(getattr(message, "id", 0), fault.code)
    except Exception:  # noqa: BLE001 - border: a foreign exception may quote patient text, so only a code passes
        return Failed(getattr(message, "id", 0), "analyst_fault")


def _find(message: Find, analyst: Analyst) -> FoundParts:
    from filters.analyse import Switches

    parts = [Part(i, p.role, Form(p.form), p.text) for i, p in enumerate(message.parts)]
    found = analyst.find(parts, message.marked, Switches.from_json(message.switches), caller=message.caller)
    spread = tuple(PatientText(value) for value in found.spread)
    return FoundParts(message.id, found.parts, found.kept, spread)


def _look(message: Look, analyst: Analyst) -> Looked:
    from filters.analyse import Switches

    return Looked(message.id, analyst.look(message.window.reveal(), Switches.from_json(message.switches)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
