"""JSON Schemas of the records, generated from their types and written to docs/schemas/."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from fleetleak.records import RECORDS


def schemas() -> dict[str, str]:
    """Return the JSON Schema of each record, as text by file name."""
    texts = {}
    for record in RECORDS:
        schema = msgspec.json.schema(record)
        _state_limits(schema)
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        name = str(record.__struct_config__.tag).partition("/")[0]
        texts[f"{name}.schema.json"] = json.dumps(schema, indent=2) + "\n"
    return texts


# Not `$` alone: in some languages it also matches before a final newline.
_BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$(?![\\s\\S])"


def _state_limits(schema: Any) -> None:
    """Add limits that our decoders have but no type states: the range of floats, and the form of base64."""
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
