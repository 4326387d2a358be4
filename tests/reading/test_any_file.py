"""Any file is read, or refused with an error of one line: nothing else is ever raised."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetleak.records import Snapshot, encode
from fleetleak_app.reading import BadRecording, Options, Recording, judged, parse_mapping, parse_size, read
from fleetleak_app.reading.notes import Notes
from tests.reading.support import TIMES, TOTAL, USED, plain, table
from tests.unit.strategies import REPEATABLE

CELLS = st.sampled_from(
    [
        "",
        "app",
        "0",
        "1790000000",
        "1790000000000",
        "-1",
        "1e400",
        "nan",
        "1,5",
        "1.5",
        "1,234",
        "1.2.3",
        "50 %",
        "4 GiB",
        "5K",
        "2026-09-21 14:13:20",
        "2026/9/1 1:02",
        "2026-99-99",
        "9999-12-31T23:59:59+00:00",
        "0001-01-01",
        "host",
        '"',
        '""',
        "#",
        '{a="b"}',
        "١٢",
        "1_0",
        "\ufeff",
    ]
) | st.text(max_size=6)
HEADS = st.sampled_from(
    [
        "service",
        "timestamp",
        "used",
        "total",
        "limit",
        "Time",
        "pod",
        "scope",
        "oom_kills",
        "started",
        "cpu_seconds",
        "",
        "a",
        'm{x="1"}',
        "used (%)",
        "rss_kb",
        "time_ms",
        "working_set",
        "date",
    ]
) | st.text(max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "result", "metric", "values", "status", "schema", "time", "used", "__name__", "pod"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)
SERIES = plain().encode()
SNAPSHOTS = b"\n".join(
    encode(Snapshot(service="s", instance="i", timestamp=t, used=1, total=9)) for t in TIMES
)
WIDE = table("Time;a;b", TIMES, USED, USED, delimiter=";").encode()
PROMETHEUS = json.dumps(
    {
        "data": {
            "result": [
                {"metric": {"pod": "a"}, "values": [[t, str(u)] for t, u in zip(TIMES, USED, strict=True)]}
            ]
        }
    }
).encode()


def try_to_read(path: Path, data: bytes, options: Options | None = None) -> None:
    """Read a file; check that the recording is whole, or that the error is one line."""
    path.write_bytes(data)
    try:
        recording = judged(read([str(path)], options))
    except BadRecording as error:
        message = str(error)
    else:
        message = ""
        check(recording)
    assert message.isprintable()


def check(recording: Recording) -> None:
    """Check that a recording is whole."""
    assert {len(values) for values in recording.columns.values()} == {len(recording)}
    assert all(line.isprintable() for line in (recording.summary(), *recording.notes.lines()))
    assert None not in recording.columns["timestamp"]
    assert recording.usable <= len(recording) <= recording.read


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "file"


@REPEATABLE
@given(data=st.binary(max_size=400))
def test_any_bytes(path: Path, data: bytes) -> None:
    try_to_read(path, data)
    try_to_read(path, b"PAR1" + data)
    try_to_read(path, b"\x1f\x8b" + data)


@REPEATABLE
@given(text=st.text(max_size=300))
def test_any_text(path: Path, text: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        try_to_read(path, text.encode(encoding, errors="replace"))


@settings(REPEATABLE, max_examples=300)
@given(
    head=st.lists(HEADS, min_size=1, max_size=6),
    rows=st.lists(st.lists(CELLS, max_size=7), max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    unit=st.sampled_from([None, "KiB"]),
)
def test_any_table(
    path: Path, head: list[str], rows: list[list[str]], delimiter: str, unit: str | None
) -> None:
    text = "\n".join(delimiter.join(row) for row in [head, *rows])
    try_to_read(path, text.encode(errors="replace"), Options(unit=unit, limit=TOTAL))


@settings(REPEATABLE, max_examples=300)
@given(
    whole=st.sampled_from([SERIES, SNAPSHOTS, WIDE, PROMETHEUS]),
    at=st.integers(0, 500),
    cut=st.integers(0, 40),
    new=st.binary(max_size=8),
)
def test_any_damage(path: Path, whole: bytes, at: int, cut: int, new: bytes) -> None:
    at %= len(whole)
    try_to_read(path, whole[:at] + new + whole[at + cut :], Options(limit=TOTAL))


@settings(REPEATABLE, max_examples=300)
@given(value=JSON)
def test_any_json(path: Path, value: Any) -> None:
    line = json.dumps(value).encode()
    try_to_read(path, line)
    try_to_read(path, line + b"\n" + line)


@REPEATABLE
@given(data=st.data())
def test_any_damage_of_parquet(path: Path, data: st.DataObject) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    out = io.BytesIO()
    columns = {"service": ["a"] * 6, "timestamp": TIMES, "used": USED, "total": [TOTAL] * 6}
    parquet.write_table(pyarrow.table(columns), out, compression="none")
    whole = bytearray(out.getvalue())
    for at in data.draw(st.lists(st.integers(4, len(whole) - 1), max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    try_to_read(path, bytes(whole))


@REPEATABLE
@given(text=st.text(alphabet='used=total,"{}#1 a', max_size=30))
def test_any_mapping(path: Path, text: str) -> None:
    try:
        mapping = parse_mapping(text)
    except BadRecording:
        return
    try_to_read(path, SERIES, Options(mapping))


@REPEATABLE
@given(text=st.text(alphabet="0123456789.eE+-GiBkM ", max_size=12))
def test_any_size(text: str) -> None:
    with contextlib.suppress(BadRecording):
        assert 0 < parse_size(text) <= 2**60


def test_notes_count_by_reason() -> None:
    notes = Notes()
    notes.leave("rows", 1, "a")
    notes.leave("rows", 2, "b")
    assert notes.reasons() == "rows: 3 (first: a)"
