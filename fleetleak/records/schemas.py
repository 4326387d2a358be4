"""JSON Schemas of the records, generated from their types; docs/schemas/ holds what this gives."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from fleetleak.records import RECORDS


def schemas() -> dict[str, str]:
    """Give file name and text of each record's JSON Schema."""
    found = {}
    for record in RECORDS:
        schema = msgspec.json.schema(record)
        _state_limits(schema)
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        name = str(record.__struct_config__.tag).partition("/")[0]
        found[f"{name}.schema.json"] = json.dumps(schema, indent=2) + "\n"
    return found


# Not `$` alone: in some languages it stands before a newline at the end too.
_BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$(?![\\s\\S])"


def _state_limits(schema: Any) -> None:
    """Say what our readers refuse and no type tells: numbers that no float holds, what is not base64."""
    if isinstance(schema, list):
        for inner in schema:
            _state_limits(inner)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "number":
        schema.setdefault("minimum", -sys.float_info.max)
        schema.setdefault("maximum", sys.float_info.max)
    if schema.get("contentEncoding") == "base64":
        schema["pattern"] = _BASE64
    for inner in schema.values():
        _state_limits(inner)
