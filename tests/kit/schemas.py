"""JSON Schemas of every object of the format, made from audit/shapes.json.

`python -m tests.kit.schemas` writes docs/formats/audit-v1/schemas. A schema says less than the format: spelling (strict
JSON), times and canonical base64 are beyond it, and a reader must check them too.
"""

import json
import re
from importlib import resources
from typing import Any

from audit.shapes import _PATTERNS
from audit.strictjson import MAX_INT
from tests.kit.vectors import FOLDER

SCHEMAS = FOLDER / "schemas"
_TIME = r"^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$"
_KIND = re.compile(r"([a-z0-9_]+)(?:\((.*)\))?\Z")
Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Return file name -> schema."""
    table = json.loads(resources.files("audit").joinpath("shapes.json").read_text("ascii"))
    made = {}
    for group in ("records", "statements", "files"):
        for name, rows in table[group].items():
            used: dict[str, Schema] = {}
            schema = _object(rows, table["types"], used)
            title = f"cordon1 {group.removesuffix('s')} {name}"
            made[f"{group}-{name}.json"] = {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": title,
                **schema,
                **({"$defs": dict(sorted(used.items()))} if used else {}),
            }
    return made


def text_of(schema: Schema) -> str:
    return json.dumps(schema, indent=1) + "\n"


def _object(rows: list[list[Any]], types: Schema, used: dict[str, Schema]) -> Schema:
    properties: Schema = {}
    required: list[str] = []
    for key, kind, needed in rows:
        if key == "*":
            inner = _object(types[kind], types, used)
            properties |= inner["properties"]
            required += inner["required"]
            continue
        properties[key] = _type(kind, types, used)
        if needed:
            required.append(key)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(kind: str, types: Schema, used: dict[str, Schema]) -> Schema:
    match = _KIND.match(kind)
    assert match is not None
    name, argument = match[1], match[2] or ""
    if name in _SIMPLE:
        return _SIMPLE[name](argument)
    if name in _PATTERNS:
        return {"type": "string", "pattern": f"^{_PATTERNS[name].replace(chr(92) + 'Z', '$')}$"}
    if name == "list":
        item, _, most = argument.rpartition(",")
        return {"type": "array", "maxItems": int(most), "items": _type(item, types, used)}
    if name == "map":
        names = {"pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"}
        values = _type(argument, types, used)
        return {"type": "object", "maxProperties": 256, "propertyNames": names, "additionalProperties": values}
    if name in _ROWS:
        items = [_type(item, types, used) for item in _ROWS[name]]
        return {"type": "array", "minItems": len(items), "maxItems": len(items), "prefixItems": items}
    if name not in used:
        used[name] = {}
        used[name] = _object(types[name], types, used)
    return {"$ref": f"#/$defs/{name}"}


def _number(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def _printable(limit: int) -> Schema:
    return {"type": "string", "maxLength": limit, "pattern": "^[^\\u0000-\\u001f]*$"}


_ROWS = {"months": ("month", "list(recipient,4)"), "identity": ("month", "secret"), "file": ("s(200)", "int", "sha")}
_SIMPLE = {
    "int": lambda _: _number(0, MAX_INT),
    "num": lambda _: _number(-1, MAX_INT),
    "bit": lambda _: _number(0, 1),
    "score": lambda _: _number(0, 10_000),
    "const": lambda argument: {"const": int(argument)},
    "s": lambda argument: _printable(int(argument)),
    "s16": lambda _: _printable(16),
    "s32": lambda _: _printable(32),
    "s64": lambda _: _printable(64),
    "hex": lambda argument: {"type": "string", "pattern": f"^[0-9a-f]{{{argument}}}$"},
    "note": lambda _: {"type": "string", "maxLength": 50_000},
    "enum": lambda argument: {"enum": argument.split("|")},
    "act": lambda _: {"enum": ["permit", "flag", "refuse"]},
    "time": lambda _: {"type": "string", "pattern": _TIME},
    "hash": lambda _: {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"},
}

if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (SCHEMAS / name).write_text(text_of(schema))
