"""Texts and declarations of functions that every dialect reads alike.

Law: a text that hides a picture, a sound or a file is refused, in whatever dialect it comes; a function's name is
structure and has the form of one.
"""

from __future__ import annotations

import re

from filters.parts import PatientText
from proxy.dialects.fields import Fields, dump
from proxy.errors import CordonError
from proxy.exchange import Tool

__all__ = ["inspectable", "read_name", "read_stops", "read_tools"]

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_MAX_TOOLS = 128
_MAX_STOPS = 16
_NO_PARAMETERS = '{"type":"object","properties":{}}'
_OPAQUE = re.compile(
    r"data:(?:image|audio|video|font|model|application)/[\w.+\-]{1,100}(?:;[\w=.\-]{1,100}){0,4};base64,", re.IGNORECASE
)
"""A `data:` address (RFC 2397) holding something that is not text. Encoded text is the detector's to decode."""


def inspectable(text: str) -> PatientText:
    """Take a text of a message. Raises CordonError `content_not_inspectable`."""
    if _OPAQUE.search(text):
        raise CordonError("content_not_inspectable")
    return PatientText(text)


def read_stops(request: Fields) -> tuple[PatientText, ...]:
    """The stop strings: one text or a list of them. Raises CordonError `bad_request`."""
    value = request.values.get("stop")
    stops = [value] if isinstance(value, str) else list(request.items("stop"))
    if len(stops) > _MAX_STOPS:
        raise CordonError("bad_request")
    return tuple(_stop(stop) for stop in stops)


def _stop(stop: object) -> PatientText:
    if not isinstance(stop, str) or not stop:
        raise CordonError("bad_request")
    return PatientText(stop)


def read_tools(request: Fields) -> tuple[Tool[PatientText], ...]:
    """The functions a model may call. Raises CordonError `bad_request` or `unsupported_parameter`."""
    tools = tuple(_tool(item) for item in request.objects("tools"))
    if len(tools) > _MAX_TOOLS or len({tool.name for tool in tools}) != len(tools):
        raise CordonError("bad_request")
    return tools


def _tool(item: Fields) -> Tool[PatientText]:
    if item.need_text("type") != "function":
        raise CordonError("unsupported_parameter")
    function = item.need_object("function")
    parameters = function.object("parameters")
    text = _NO_PARAMETERS if parameters is None else dump(parameters.values)
    return Tool(read_name(function), PatientText(function.text("description") or ""), PatientText(text))


def read_name(function: Fields) -> str:
    """The name of a function. Raises CordonError `bad_request`."""
    name = function.need_text("name")
    if not _NAME.fullmatch(name):
        raise CordonError("bad_request")
    return name
