"""JSON Schemas of the records, generated from their types; docs/schemas/ holds what this gives."""

from __future__ import annotations

import json

import msgspec

from fleetleak.records import RECORDS


def schemas() -> dict[str, str]:
    """Give file name and text of each record's JSON Schema."""
    found = {}
    for record in RECORDS:
        schema = msgspec.json.schema(record)
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        name = str(record.__struct_config__.tag).partition("/")[0]
        found[f"{name}.schema.json"] = json.dumps(schema, indent=2) + "\n"
    return found
