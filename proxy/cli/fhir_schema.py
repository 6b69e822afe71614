"""Hold events against the official R4 schema and the model library: two layers that miss different errors.

The schema accepts an agent that does not say whether it asked, the library any outcome; `audit.export.fhir` checks by
hand what both miss. Both libraries belong to the extra `officer`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from importlib.util import find_spec
from typing import Any

__all__ = ["EventError", "can_check", "verify_events"]


class EventError(Exception):
    """An event is not valid; the message names its line and the layer."""


def can_check() -> bool:
    """Whether both libraries are installed."""
    return find_spec("jsonschema") is not None and find_spec("fhir") is not None


def verify_events(ndjson: bytes) -> int:
    """Hold every line against both layers; return how many there were. Raises EventError."""
    layers = (("the official schema", _schema()), ("fhir.resources", _library()))
    count = 0
    for count, line in enumerate(ndjson.splitlines(), 1):
        event = json.loads(line)
        for name, accepts in layers:
            problem = accepts(event)
            if problem:
                raise EventError(f"event {count} does not pass {name}: {problem}")
    return count


def _schema() -> Callable[[Mapping[str, Any]], str]:
    import jsonschema  # only on an officer's computer

    text = resources.files("audit.export").joinpath("fhir_r4_auditevent.json").read_text("ascii")
    validator = jsonschema.Draft6Validator(json.loads(text))

    def accepts(event: Mapping[str, Any]) -> str:
        errors: Iterable[Any] = validator.iter_errors(event)
        return next(("/".join(map(str, error.absolute_path)) or "the event" for error in errors), "")

    return accepts


def _library() -> Callable[[Mapping[str, Any]], str]:
    from fhir.resources.R4B.auditevent import AuditEvent  # only on an officer's computer
    from pydantic import ValidationError

    def accepts(event: Mapping[str, Any]) -> str:
        try:
            AuditEvent.model_validate(dict(event))
        except ValidationError as error:
            return ".".join(map(str, error.errors()[0]["loc"]))
        return ""

    return accepts
