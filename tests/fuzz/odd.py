"""Odd keys, values and headers, as Hypothesis strategies."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import strategies as st

from fleetleak.records import RECORDS, control, encode
from fleetleak.records.schemas import schemas
from tests.unit.documents import bent
from tests.unit.strategies import records

SCHEMAS: dict[type[msgspec.Struct], dict[str, Any]] = {
    kind: json.loads(schemas()[str(kind.__struct_config__.tag).partition("/")[0] + ".schema.json"])
    for kind in RECORDS
}
DEEP: list[bytes] = [
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"schema":"alert/2","x":' + b'{"a":' * 100_000,
    b'{"schema":"score/1","methods":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"schema":"label/1","service":"' + b"x" * 2_000_000 + b'"}',
    b'{"schema":"' + b"x" * 2_000_000 + b'"}',
    b'{"schema":"snapshot/1","used":' + b"9" * 1_000_000 + b"}",
    b"\x00" * 1_000_000,
]

kinds: st.SearchStrategy[type[msgspec.Struct]] = st.sampled_from(RECORDS)
keys = (
    st.none() | st.binary(max_size=8) | st.text(max_size=8).map(str.encode) | st.just(control.PROMOTION_KEY)
)
header_values = st.none() | st.binary(max_size=8) | st.sampled_from([b"0", b"-1", b"9" * 5000, b"\xff"])
header_names = st.sampled_from(
    ["fleetleak-" + name for name in ("topic", "partition", "offset", "reason", "error")]
)
headers = st.none() | st.lists(st.tuples(header_names | st.text(max_size=8), header_values), max_size=8)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return bytes with some of them lost or replaced, or only their beginning."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 8)) | st.just(len(whole)))
    return whole[:start] + draw(st.binary(max_size=4)) + whole[end:]


def values(kind: type[msgspec.Struct]) -> st.SearchStrategy[bytes | None]:
    """Return values that are, nearly are, or are nothing like a record of a type."""
    whole = records(kind).map(encode)
    return st.one_of(
        whole,
        bent(SCHEMAS[kind]).map(str.encode),
        whole.flatmap(damaged),
        st.binary(max_size=50),
        st.none(),
        st.sampled_from(DEEP),
    )
