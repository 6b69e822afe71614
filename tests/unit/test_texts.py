"""What every dialect reads alike."""

from __future__ import annotations

import pytest

from filters.parts import PatientText
from proxy.dialects.fields import Fields
from proxy.dialects.texts import inspectable, read_name, read_stops, read_tools
from proxy.errors import CordonError


@pytest.mark.parametrize("kind", ["image/png", "audio/wav", "video/mp4", "application/pdf;name=x", "FONT/woff2"])
def test_a_text_that_hides_something_else_is_refused(kind: str) -> None:
    with pytest.raises(CordonError, match="content_not_inspectable"):
        inspectable(f"see data:{kind};base64,AAAA there")


@pytest.mark.parametrize("text", ["", "data:text/plain;base64,aGVsbG8=", "image/png;base64,AAAA", "data: image"])
def test_every_other_text_is_taken_as_it_is(text: str) -> None:
    assert inspectable(text) == PatientText(text)


def test_stops_are_one_text_or_a_list() -> None:
    assert read_stops(Fields({"stop": "END"})) == (PatientText("END"),)
    assert read_stops(Fields({"stop": ["a", "b"]})) == (PatientText("a"), PatientText("b"))
    assert read_stops(Fields({})) == ()


@pytest.mark.parametrize("stop", ["", [""], [5], 5, ["x"] * 17])
def test_wrong_stops(stop: object) -> None:
    with pytest.raises(CordonError, match="bad_request"):
        read_stops(Fields({"stop": stop}))


def test_a_tool_without_parameters_takes_none() -> None:
    (tool,) = read_tools(Fields({"tools": [{"type": "function", "function": {"name": "find", "description": "Find"}}]}))
    assert (tool.name, tool.description) == ("find", PatientText("Find"))
    assert tool.parameters == PatientText('{"type":"object","properties":{}}')


@pytest.mark.parametrize("names", [["a", "a"], [f"f{n}" for n in range(129)], ["a b"], [""], ["x" * 65], [5]])
def test_wrong_tools(names: list[object]) -> None:
    with pytest.raises(CordonError, match="bad_request"):
        read_tools(Fields({"tools": [{"type": "function", "function": {"name": name}} for name in names]}))


def test_only_functions_are_tools() -> None:
    with pytest.raises(CordonError, match="unsupported_parameter"):
        read_tools(Fields({"tools": [{"type": "custom", "custom": {}}]}))
    assert read_name(Fields({"name": "book.bed-1"})) == "book.bed-1"
