"""Hypothesis strategies from a JSON Schema, as far as ours use it: what fits, and what was bent a little."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Place = tuple[Any, Any]
"""A container in a document, and a key or index of it."""

ODD: list[Any] = [
    None, True, False, 0, -1, 5, -0.0, 0.5, 1.0, 5e3, 1.5e300, 1e11, 1e11 + 1, -1e-9,
    float("inf"), float("-inf"), 2**31, 2**60, float(2**60), 2**60 + 1, 2**63 - 1, 2**63, float(2**63),
    -(2**63), 2**64, 10**30, 10**400, -(10**400),
    "", "x", "5", "null", "leak", "label/2", "snapshot/1", "QQ==", "QQ=", "QQ==\n", "_-==", "\ud800",
    *("x" * n for n in (256, 257, 512, 513, 1024, 1025)), "\U0001f600" * 256, "\U0001f600" * 257, "\udc00x",
    [], [1.0], [0.5], [None], ["x"], [""], {}, {"x": 1}, {"x": "y"}, {"": "y"}, {"raw": 1},
    {"x": {"raw": 1.0}},
    {str(n): "x" for n in range(33)},
]  # fmt: skip
"""What stands at the edge of some field's type or range, or beyond it."""


def is_text(document: Any) -> bool:
    """Return whether all strings of a document are text: a lone surrogate is no character."""
    try:
        return bool(json.dumps(document, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return False


_ODD_TEXT = [value for value in ODD if is_text(value)]


def fitting(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a schema allows; `root` has the definitions that it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return st.deferred(lambda: fitting(root["$defs"][name], root))
    if "anyOf" in schema:
        return st.one_of([fitting(one, root) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _of_type(schema, root)


def _of_type(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    # Every number of ours has both.
    low, high = schema.get("minimum", 0), schema.get("maximum", 0)
    match schema["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(low, high) | st.integers(low, min(high, 2**53)).map(float)
        case "number":
            return st.floats(low, high) | st.integers(max(int(low), -(2**53)), int(min(high, 2**53)))
        case "string":
            return _text(schema)
        case "array":
            return st.lists(fitting(schema["items"], root), max_size=3)
        case "object":
            return _object(schema, root)
    raise NotImplementedError(schema)


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("contentEncoding") == "base64":
        return st.binary(max_size=20).map(lambda data: base64.b64encode(data).decode())
    low, high = schema.get("minLength", 0), schema.get("maxLength", 2000)
    return st.text(min_size=low, max_size=20) | st.sampled_from([low, high]).map("\U0001f600".__mul__)


def _object(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    if "properties" not in schema:
        names = _text(schema.get("propertyNames", {}))
        return st.dictionaries(names, fitting(schema["additionalProperties"], root), max_size=3)
    fields = {name: fitting(one, root) for name, one in schema["properties"].items()}
    needed = schema.get("required", [])
    unknown = st.dictionaries(st.text(max_size=5).map("x-".__add__), st.sampled_from(_ODD_TEXT), max_size=1)
    known = st.fixed_dictionaries(
        {name: fields[name] for name in needed},
        optional={name: one for name, one in fields.items() if name not in needed},
    )
    return st.tuples(known, unknown).map(lambda parts: parts[0] | parts[1])


def bent(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Return texts of valid documents in which up to three values are left out or replaced."""
    # Made once: a strategy for so many fields costs more than what it draws.
    return _bent(fitting(schema, schema))


@st.composite
def _bent(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> str:
    document = json.loads(json.dumps(draw(documents)))
    for _ in range(draw(st.integers(0, 3))):
        container, at = draw(st.sampled_from(list(_places(document)) or [(document, "x")]))
        if isinstance(container, dict) and draw(st.integers(0, 3)) == 0:
            container.pop(at, None)
        else:
            container[at] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return text(document)


def text(document: Any) -> str:
    """Write a document; an infinite number as one that no float holds."""
    return json.dumps(document).replace("Infinity", "1e400")


def _places(value: Any) -> Iterator[Place]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
