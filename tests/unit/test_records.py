"""Records: what is written is read back the same, and whatever else arrives is refused, never raised."""

from __future__ import annotations

import json
import re
from itertools import permutations
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from fleetleak.records import (
    LEAK_KINDS,
    RECORDS,
    Alert,
    Decoder,
    Drift,
    Label,
    Method,
    ModelDelete,
    ModelImport,
    ModelPrior,
    Promotion,
    Reading,
    Score,
    Snapshot,
    Unreadable,
    WhitelistRevoke,
    control,
    encode,
)
from fleetleak.records.codec import to_dict
from fleetleak.records.schemas import schemas
from fleetleak.records.types import Kind
from fleetleak_app.docs import pages
from tests.unit.strategies import REPEATABLE, records

DOCS = Path(__file__).parents[2] / "docs"


def name_of(kind: type[msgspec.Struct]) -> str:
    """Return the name that a record of this type has in its `schema`."""
    return str(kind.__struct_config__.tag).partition("/")[0]


SCHEMAS: dict[type[msgspec.Struct], Any] = {
    kind: json.loads(schemas()[f"{name_of(kind)}.schema.json"]) for kind in RECORDS
}
VALIDATORS: dict[type[msgspec.Struct], Draft202012Validator] = {
    kind: Draft202012Validator(schema) for kind, schema in SCHEMAS.items()
}
LEAST: dict[type[msgspec.Struct], msgspec.Struct] = {
    Reading: Reading(thing="pod/shop/cart-1", preset="kubelet_stats", time=1_790_000_000.0),
    Snapshot: Snapshot(service="shop/cart", instance="cart-1", timestamp=1_790_000_000.0),
    Score: Score(
        service="shop/cart", instance="cart-1", time=1_790_000_000.0, input_partition=3, input_offset=0
    ),
    Alert: Alert(
        key="shop/cart|cart-1",
        state="firing",
        service="shop/cart",
        instance="cart-1",
        time=1_790_000_000.0,
        since=1_789_999_000.0,
        severity="high",
        kind="linear",
        confidence=0.75,
        summary="grows",
        recommendation="restart",
    ),
    Drift: Drift(service="shop/cart", instance="cart-1", time=1_790_000_000.0, detector="adwin"),
    Label: Label(service="shop/cart", verdict="leak", author="ann", time=1_790_000_000.0),
    ModelImport: ModelImport(service="shop/cart", state=b"FM\x01", author="ann", time=1_790_000_000.0),
    ModelPrior: ModelPrior(
        service="shop/cart", lender="shop/basket", state=b"FM\x01", author="ann", time=1_790_000_000.0
    ),
    ModelDelete: ModelDelete(service="shop/cart", author="ann", time=1_790_000_000.0),
    Promotion: Promotion(track="bold", author="ann", time=1_790_000_000.0),
    WhitelistRevoke: WhitelistRevoke(service="shop/cart", number=1, author="ann", time=1_790_000_000.0),
}
some_record = st.one_of([records(kind) for kind in RECORDS])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def fields(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record as a consumer that knows only JSON sees it."""
    document: dict[str, Any] = json.loads(encode(record))
    return document


def written(kind: type[msgspec.Struct], /, **changes: Any) -> bytes:
    """Return the smallest record of a type with some fields changed, as bytes."""
    return json.dumps(fields(LEAST[kind]) | changes).encode()


def reason(kind: type[msgspec.Struct], data: bytes | None) -> str:
    with pytest.raises(Unreadable) as caught:
        Decoder(kind).decode(data)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def holds_null(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(holds_null, value.values() if isinstance(value, dict) else value))
    return value is None


@REPEATABLE
@given(some_record)
def test_a_record_is_read_as_it_was_written(record: msgspec.Struct) -> None:
    data = encode(record)
    assert Decoder(type(record)).decode(data) == record
    assert encode(Decoder(type(record)).decode(data)) == data
    assert b"\n" not in data
    assert json.loads(data) == to_dict(record)


@REPEATABLE
@given(some_record)
def test_what_is_written_fits_the_schema_and_absent_is_absent(record: msgspec.Struct) -> None:
    document = fields(record)
    VALIDATORS[type(record)].validate(document)
    assert not holds_null(document)
    for field in msgspec.structs.fields(record):
        if getattr(record, field.name) is None:
            assert field.name not in document


@pytest.mark.parametrize("kind", RECORDS)
def test_the_least_record_has_its_needed_fields_only(kind: type[msgspec.Struct]) -> None:
    needed = {field.name for field in msgspec.structs.fields(kind) if field.required}
    assert set(fields(LEAST[kind])) == needed | {"schema"}
    assert fields(LEAST[kind])["schema"] == str(kind.__struct_config__.tag)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_not_written(number: float) -> None:
    score = msgspec.structs.replace(LEAST[Score], methods={"m": Method(raw=number)})
    with pytest.raises(ValueError, match="a number of this Score is not finite"):
        encode(score)


def test_null_is_read_as_absent_but_only_where_a_field_may_be() -> None:
    assert Decoder(Snapshot).decode(written(Snapshot, used=None, host=None)) == LEAST[Snapshot]
    assert encode(Decoder(Snapshot).decode(written(Snapshot, used=None))) == encode(LEAST[Snapshot])
    named_null = msgspec.structs.replace(LEAST[Snapshot], host="null")
    assert Decoder(Snapshot).decode(encode(named_null)) == named_null
    assert reason(Snapshot, written(Snapshot, service=None)) == "invalid"


@pytest.mark.parametrize("kind", RECORDS)
def test_a_needed_field_cannot_be_left_out(kind: type[msgspec.Struct]) -> None:
    for name in fields(LEAST[kind]):
        rest = {k: v for k, v in fields(LEAST[kind]).items() if k != name}
        assert reason(kind, json.dumps(rest).encode()) == "invalid"
        assert not VALIDATORS[kind].is_valid(rest)


@REPEATABLE
@given(
    st.sampled_from(RECORDS), st.dictionaries(st.text(max_size=8).map("x-".__add__), json_values, max_size=3)
)
def test_unknown_fields_are_ignored(kind: type[msgspec.Struct], unknown: dict[str, Any]) -> None:
    finite = json.loads(json.dumps(unknown), parse_constant=lambda _: 0)
    assert Decoder(kind).decode(written(kind, **finite)) == LEAST[kind]
    VALIDATORS[kind].validate(fields(LEAST[kind]) | finite)


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("major", ["3", "10", "999999999999"])
def test_a_newer_major_version_is_refused_with_what_to_do(kind: type[msgspec.Struct], major: str) -> None:
    name = name_of(kind)
    with pytest.raises(Unreadable) as caught:
        Decoder(kind).decode(b'{"schema":"%s/%s","time":"next tuesday"}' % (name.encode(), major.encode()))
    assert caught.value.reason == "newer-schema"
    assert (
        str(caught.value)
        == f"schema {name}/{major} is newer than {kind.__struct_config__.tag}: upgrade this role"
    )


@pytest.mark.parametrize("major", ["9" * 5000, "²", "٢", "2.0", "+2"])
def test_a_version_that_is_no_number_of_ours_is_another_record(major: str) -> None:
    assert reason(Label, json.dumps({"schema": f"label/{major}"}).encode()) == "wrong-record"


def test_another_record_is_refused_by_name() -> None:
    for kind, other in permutations(LEAST, 2):
        assert reason(kind, encode(LEAST[other])) == "wrong-record"
    for schema in ("snapshot", "snapshot/", "/2", "", "snapshot/0", "snapshot/-2", "snapshot/x", "snap/2"):
        assert reason(Snapshot, written(Snapshot, schema=schema)) == "wrong-record"


@pytest.mark.parametrize("data", [None, b""])
def test_no_value_is_refused(data: bytes | None) -> None:
    assert reason(Snapshot, data) == "empty"


SNAPSHOT = encode(LEAST[Snapshot])[:-1]


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"{",
        SNAPSHOT,
        SNAPSHOT + b"} x",
        SNAPSHOT + b',"used":NaN}',
        SNAPSHOT + b',"pressure_some":Infinity}',
        SNAPSHOT + b',"pressure_some":-Infinity}',
        SNAPSHOT + b',"host":"\xff"}',
        SNAPSHOT + b',"host":"\\ud800"}',
        SNAPSHOT + b',"host":"\\u12"}',
        b"\xef\xbb\xbf" + SNAPSHOT + b"}",
        (SNAPSHOT + b"}").decode().encode("utf-16"),
        SNAPSHOT + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        SNAPSHOT + b',"x":' + b'{"a":' * 100_000,
        b"\x00" * 1000,
    ],
    ids=repr,
)
def test_what_is_not_json_is_malformed(data: bytes) -> None:
    assert reason(Snapshot, data) == "malformed"


@pytest.mark.parametrize(
    "data", [b"[]", b"1", b"null", b'"snapshot/1"', b"[" * 100_000, b'{"schema":1}', b"{}"]
)
def test_json_that_is_no_record_is_invalid(data: bytes) -> None:
    assert reason(Snapshot, data) == "invalid"


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "data",
    [
        b'{"service":1,"schema":"label/1","z":' + DEEP + b"}",
        b'{"schema":"label/2","z":' + DEEP + b"}",
        b'{"schema":"label/1","service":1,"z":' + b'{"a":' * 100_000,
        b'{"schema":"label/1","service":1,"z":"\xff"}',
    ],
    ids=["after-invalid", "after-newer", "unended", "no-utf8"],
)
def test_what_cannot_be_explained_is_invalid_all_the_same(data: bytes) -> None:
    assert reason(Label, data) == "invalid"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("used", "-1"),
        ("used", str(2**60 + 1)),
        ("used", "9" * 5000),
        ("used", "1e30"),
        ("used", "1.5"),
        ("used", "true"),
        ("used", '"5"'),
        ("used", "[]"),
        ("oom_kills", str(2**63)),
        ("oom_kills", "-1"),
        ("timestamp", "-0.5"),
        ("timestamp", "1e12"),
        ("timestamp", "1e999"),
        ("timestamp", "-1e999"),
        ("timestamp", "null"),
        ("timestamp", '"now"'),
        ("pressure_some", "-1e-9"),
        ("pressure_some", "1e999"),
        ("service", '""'),
        ("service", '"' + "x" * 257 + '"'),
        ("service", "null"),
        ("service", "5"),
        ("scope", '"galaxy"'),
        ("labels", '{"a": 1}'),
        ("labels", '{"": "x"}'),
        ("labels", json.dumps({"a": "x" * 257})),
        ("labels", json.dumps({str(number): "x" for number in range(33)})),
        ("labels", '["a"]'),
    ],
)
def test_values_out_of_range_or_of_the_wrong_type_are_invalid(field: str, value: str) -> None:
    data = re.sub(rb'"%s":[^,}]+[,}]' % field.encode(), b"", SNAPSHOT + b"}").rstrip(b",}")
    assert reason(Snapshot, data + f',"{field}":{value}}}'.encode()) == "invalid"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Score, {"confidence": 1.01}),
        (Score, {"kind": "leak"}),
        (Score, {"methods": {"a": {}}}),
        (Score, {"methods": {"a": {"raw": 1, "p": -0.1}}}),
        (Score, {"forecast": {"eta": 1}}),
        (Score, {"trend": {"growth": "fast"}}),
        (Score, {"reasons": ["x" * 1025]}),
        (Score, {"drift": [""]}),
        (Score, {"input_partition": -1}),
        (Score, {"input_partition": 2**31}),
        (Score, {"input_offset": -5}),
        (Drift, {"input_offset": 2**63}),
        (Alert, {"input_partition": 0.5}),
        (Alert, {"state": "pending"}),
        (Alert, {"severity": "sure"}),
        (Alert, {"confidence": -0.01}),
        (Alert, {"summary": "x" * 1025}),
        (Label, {"verdict": "maybe"}),
        (Label, {"author": ""}),
        (Drift, {"detector": 5}),
        (Drift, {"before": "low"}),
    ],
)
def test_decoder_and_schema_refuse_the_same(kind: type[msgspec.Struct], changes: dict[str, Any]) -> None:
    assert reason(kind, written(kind, **changes)) == "invalid"
    with pytest.raises(ValidationError):
        VALIDATORS[kind].validate(fields(LEAST[kind]) | changes)


REASONS = {"malformed", "invalid", "newer-schema", "wrong-record", "empty"}


def read(kind: type[msgspec.Struct], data: bytes) -> None:
    """Read bytes; anything but a record or Unreadable fails the test."""
    refused: Unreadable | None = None
    try:
        assert isinstance(Decoder(kind).decode(data), kind)
    except Unreadable as error:
        refused = error
    assert refused is None or (refused.reason in REASONS and str(refused))


@REPEATABLE
@given(st.sampled_from(RECORDS), st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_unreadable(kind: type[msgspec.Struct], data: bytes) -> None:
    read(kind, data)


@REPEATABLE
@given(st.sampled_from(RECORDS), st.data())
def test_arbitrary_values_in_fields_are_read_or_unreadable(
    kind: type[msgspec.Struct], data: st.DataObject
) -> None:
    names = st.sampled_from([*(f.name for f in msgspec.structs.fields(kind)), "schema"])
    read(kind, written(kind, **data.draw(st.dictionaries(names, json_values, max_size=4))))


@REPEATABLE
@given(some_record, st.data())
def test_damaged_records_are_read_or_unreadable(record: msgspec.Struct, data: st.DataObject) -> None:
    whole = encode(record)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 8)))
    read(type(record), whole[:start] + data.draw(st.binary(max_size=4)) + whole[end:])


WIRE: dict[type[msgspec.Struct], str] = {
    Snapshot: """{"schema": "snapshot/1", "service": "shop/cart", "instance": "cart-1/app",
        "timestamp": 1790000000.25, "host": "node-a", "scope": "container", "environment": "prod",
        "version": "1.4.2", "started": 1789990000, "labels": {"team": "shop"}, "total": 536870912,
        "available": 1, "used": 2, "free": 0, "swap_total": 0, "swap_used": 0, "active": 3, "anon": 4,
        "file": 5, "shmem": 6, "slab_reclaimable": 7, "slab_unreclaimable": 8, "kernel_stack": 9,
        "page_tables": 10, "sockets": 11, "working_set": 12, "limit": 536870912, "limit_name": "memory.max",
        "limit_used": 13, "attributed": 14, "faults_minor": 15, "faults_major": 16, "pressure_some": 0.5,
        "pressure_full": 0, "oom_kills": 0, "cpu_seconds": 12.75}""",
    Label: """{"schema": "label/1", "service": "shop/cart", "verdict": "expected", "author": "ann",
        "time": 1790000000, "alert": "shop/cart|cart-1", "reason": "cache warms up",
        "expires": 1790086400, "weak": true}""",
}


@pytest.mark.parametrize("kind", WIRE)
def test_a_record_of_the_schema_is_read_in_every_field(kind: type[msgspec.Struct]) -> None:
    told = json.loads(WIRE[kind])
    VALIDATORS[kind].validate(told)
    (definition,) = (d for name, d in SCHEMAS[kind]["$defs"].items() if name == kind.__name__)
    assert set(told) == set(definition["properties"]), "the example must have every field"
    record = Decoder(kind).decode(WIRE[kind].encode())
    assert all(getattr(record, name) == value for name, value in told.items() if name != "schema")


@pytest.mark.parametrize("path", [path for path in pages() if path.startswith("docs/schemas/")])
def test_the_schemas_are_not_stale(path: str) -> None:
    assert (DOCS.parent / path).read_text() == pages()[path], "run `make docs`"


def test_every_record_has_one_schema_and_it_is_a_schema() -> None:
    assert {path.name for path in (DOCS / "schemas").iterdir()} == set(schemas())
    assert len(schemas()) == len(RECORDS)
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_every_control_record_is_a_record_with_a_schema() -> None:
    assert set(get_args(control.Control)) < set(RECORDS)


def test_leak_kinds_are_kinds() -> None:
    kinds = Kind.__args__  # type: ignore[attr-defined]
    assert set(kinds) > LEAK_KINDS
    assert len(set(kinds)) == len(kinds)
