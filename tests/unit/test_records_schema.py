"""The published JSON Schemas and the decoders agree: what the schema allows is read, and only that.

`FLEETLEAK_TEST_EXAMPLES=10000` tries so many documents of each record instead of a hundred.
"""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from jsonschema import Draft202012Validator

from fleetleak.records import RECORDS, Decoder, Snapshot, Unreadable, encode
from fleetleak.records.codec import to_dict
from fleetleak.records.schemas import schemas
from tests.unit.documents import bent, fitting, is_text, text
from tests.unit.strategies import REPEATABLE

EXAMPLES = int(os.environ.get("FLEETLEAK_TEST_EXAMPLES", "100"))
MANY = settings(
    REPEATABLE,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SCHEMAS: dict[type[msgspec.Struct], dict[str, Any]] = {
    kind: json.loads(schemas()[str(kind.__struct_config__.tag).partition("/")[0] + ".schema.json"])
    for kind in RECORDS
}


def read(kind: type[msgspec.Struct], data: bytes) -> msgspec.Struct | Unreadable:
    try:
        return Decoder(kind).decode(data)
    except Unreadable as error:
        return error


@pytest.mark.parametrize("kind", RECORDS)
def test_what_the_schema_allows_is_read_in_every_field(kind: type[msgspec.Struct]) -> None:
    @MANY
    @given(fitting(SCHEMAS[kind], SCHEMAS[kind]))
    def check(drawn: dict[str, Any]) -> None:
        written = text(drawn)
        document = json.loads(written)
        record = read(kind, written.encode())
        assert not isinstance(record, Unreadable), record
        values = to_dict(record)
        for name in kind.__struct_fields__:
            if document.get(name) is not None and not isinstance(document[name], dict | list):
                assert values.get(name, document[name]) == document[name]
        assert Decoder(kind).decode(encode(record)) == record, "it can be written and read again"

    check()


@pytest.mark.parametrize("kind", RECORDS)
def test_decoder_and_schema_agree_on_documents_bent_a_little(kind: type[msgspec.Struct]) -> None:
    validator = Draft202012Validator(SCHEMAS[kind])

    @MANY
    @given(bent(SCHEMAS[kind]))
    def check(written: str) -> None:
        result = read(kind, written.encode())
        document = json.loads(written)
        # No schema can say that strings are text.
        allowed = validator.is_valid(document) and is_text(document)
        event(f"allowed: {allowed}")
        assert allowed == (not isinstance(result, Unreadable)), result
        if not isinstance(result, Unreadable):
            assert Decoder(kind).decode(encode(result)) == result, "it can be written and read again"

    check()


SNAPSHOT = '{"schema":"snapshot/1","service":"app","instance":"i1","timestamp":1790000000,'


@pytest.mark.parametrize("written", ["1073741824.0", "1.073741824e9", "1073741824.00", "10737418240e-1"])
def test_a_whole_number_may_be_written_with_a_fraction_of_zero(written: str) -> None:
    record = read(Snapshot, f'{SNAPSHOT}"used":{written}}}'.encode())
    assert isinstance(record, Snapshot)
    assert (record.used, type(record.used)) == (2**30, int)


@pytest.mark.parametrize(
    ("used", "others", "refused"),
    [
        ("1.0", '"faults_minor":9223372036854775807', ""),
        ("1.0", '"oom_kills":3.0,"x":[1e400,' + "9" * 5000 + "]", ""),
        ("1.5", '"oom_kills":3.0', "Expected `int | null`, got `float` - at `$.used`"),
        ("1.0", '"oom_kills":0.5', "Expected `int | null`, got `float` - at `$.oom_kills`"),
        ("1.0", '"faults_minor":9223372036854775808', "at `$.faults_minor`"),
        ("1.0", '"pressure_some":1e400', "a number of this Snapshot is not finite"),
        ("1.0", '"host":"\\ud800"', "at `$.used`"),
        ("1.0", '"x":NaN', "at `$.used`"),
    ],
)
def test_such_a_number_changes_nothing_for_the_other_fields(used: str, others: str, refused: str) -> None:
    result = read(Snapshot, f'{SNAPSHOT}"used":{used},{others}}}'.encode())
    assert isinstance(result, Snapshot) == (not refused)
    if isinstance(result, Unreadable):
        assert result.reason == "invalid"
        assert refused in str(result)


def test_the_schema_counts_wherever_and_however_it_is_written_and_nowhere_else() -> None:
    rest = b'"service":"app","instance":"i1","timestamp":1790000000'
    for written in (
        b'{ "schema" : "snapshot/1",%s}',
        b'{%s,"schema":"snapshot/1"}',
        b'{%s,"\\u0073chema":"snapshot/1"}',
    ):
        assert isinstance(read(Snapshot, written % rest), Snapshot)
    for written in (
        b'{%s,"labels":{"schema":"snapshot/1"}}',
        b'{%s,"host":"schema"}',
        b'{%s,"x":"\\"schema\\""}',
    ):
        result = read(Snapshot, written % rest)
        assert isinstance(result, Unreadable)
        assert str(result) == "schema is missing: it is snapshot/1"


def test_what_cannot_be_written_is_a_value_error() -> None:
    snapshot = Snapshot(service="s", instance="i", timestamp=0.0)
    for name, value in (("used", 2**64), ("host", "\ud800"), ("cpu_seconds", float("nan"))):
        with pytest.raises(ValueError, match="Snapshot"):
            encode(msgspec.structs.replace(snapshot, **{name: value}))
