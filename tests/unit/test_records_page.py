"""docs/records.md: its tables name every field, and its examples are records."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from fleetleak.records import RECORDS, Decoder, Forecast, Method, Trend
from fleetleak.records.codec import to_dict
from fleetleak.records.evidence import Features, Quality, Siblings

PAGE = (Path(__file__).parents[2] / "docs" / "records.md").read_text()
EXAMPLES = [example.encode() for example in re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)]


def test_the_examples_of_the_page_are_real_records() -> None:
    kinds = {str(kind.__struct_config__.tag): kind for kind in RECORDS}
    shown = [kinds[json.loads(example)["schema"]] for example in EXAMPLES]
    assert set(shown) == set(RECORDS)
    for kind, example in zip(shown, EXAMPLES, strict=True):
        record = Decoder(kind).decode(example)
        assert to_dict(record) == json.loads(example)


@pytest.mark.parametrize("kind", [*RECORDS, Method, Trend, Forecast, Features, Quality, Siblings])
def test_the_page_has_every_field_of_every_record(kind: type[msgspec.Struct]) -> None:
    section = re.search(rf"^#+ {kind.__name__}\b.*?(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None
    cells = re.findall(r"^\| (`[^|]*) \|", section[0], re.MULTILINE)
    told = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(told) == sorted({f.name for f in msgspec.structs.fields(kind)} | _schema_of(kind))


def _schema_of(kind: type[msgspec.Struct]) -> set[str]:
    return {"schema"} if kind in RECORDS else set()
