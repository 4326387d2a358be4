"""Headers and --columns: which column is which field."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetleak_app.reading import BadRecording, parse_mapping
from tests.reading.support import GIB, MIB, TIMES, TOTAL, USED, is_plain, plain, reading, table


def told(header: str, tmp_path: Path, columns: str = "") -> bool:
    content = table(header, ["app"] * 6, TIMES, USED, [TOTAL] * 6, delimiter=";")
    return is_plain(reading(tmp_path, content, columns=columns))


@pytest.mark.parametrize(
    "header",
    [
        "series;time;value;mem_total",
        "Job;TS;Memory;Total",
        "app;@timestamp;mem_used;MemTotal",
        "container;Epoch;RSS;node_memory_MemTotal_bytes",
        "name;timestamp [ms];container_memory_working_set_bytes;total_bytes",
        "SERVICE;DateTime;working_set_bytes;memTotal",
        "service;date;Memory Usage;memory capacity",
        'service;timestamp;container_memory_rss{pod="a",container="b"};total',
    ],
)
def test_well_known_names_are_understood(header: str, tmp_path: Path) -> None:
    assert told(header, tmp_path)


def test_what_is_understood_is_said(tmp_path: Path) -> None:
    recording = reading(tmp_path, plain().replace("timestamp,used", "Time,rss"))
    assert list(recording.notes.every) == ["reading column `Time` as timestamp, `rss` as used"]


def test_another_column_of_the_same_meaning_is_said(tmp_path: Path) -> None:
    content = table("service,time,memory,rss,total", ["app"] * 6, TIMES, [1] * 6, USED, [TOTAL] * 6)
    recording = reading(tmp_path, content)
    assert recording.columns["used"] == USED
    assert "`rss` as used (not memory)" in next(iter(recording.notes.every))


def test_a_second_column_of_one_name_is_said(tmp_path: Path) -> None:
    content = table("service,timestamp,used,used,total", ["app"] * 6, TIMES, USED, [1] * 6, [TOTAL] * 6)
    recording = reading(tmp_path, content)
    assert is_plain(recording)
    assert list(recording.notes.every) == ["reading column `used` as used (not used)"]


def test_the_limit_and_the_instance_have_names_too(tmp_path: Path) -> None:
    content = table(
        "app,pod,node,time,rss,mem_limit", ["a"] * 6, ["p"] * 6, ["n"] * 6, TIMES, USED, [TOTAL] * 6
    )
    columns = reading(tmp_path, content).columns
    assert (columns["service"][0], columns["instance"][0], columns["host"][0]) == ("a", "p", "n")
    assert columns["limit"] == [TOTAL] * 6


@pytest.mark.parametrize(
    ("used", "total", "unit"),
    [
        ("used (MiB)", "total [GiB]", MIB),
        ("used_mib", "total_gib", MIB),
        ("Used MiB", "Total GiB", MIB),
        ("memory [kB]", "mem_total (GiB)", 1000),
        ("rss_kb", "totalGiB", 1000),
        ("used_mb", "memory_total (gib)", 10**6),
    ],
)
def test_units_in_headers_are_read(used: str, total: str, unit: int, tmp_path: Path) -> None:
    content = table(
        f"service,timestamp,{used},{total}", ["app"] * 6, TIMES, [100, 101, 102, 103, 104, 105], [4] * 6
    )
    columns = reading(tmp_path, content).columns
    assert columns["used"] == [unit * n for n in range(100, 106)]
    assert columns["total"] == [4 * GIB] * 6


def test_an_option_gives_the_unit_of_columns_without_one(tmp_path: Path) -> None:
    content = table("service,timestamp,used,total_bytes", ["app"] * 6, TIMES, [2048] * 6, [TOTAL] * 6)
    columns = reading(tmp_path, content, unit="KiB").columns
    assert (columns["used"][0], columns["total"][0]) == (2 * MIB, TOTAL)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("a;b;c;d", "service=a,timestamp=b,used=c,total=d"),
        ("a;b;c,x;d", 'service=a,timestamp=b,used="c,x",total=d'),
        ("a;b;c=x;d", "service=a,timestamp=b,used=c=x,total=d"),
        (
            'a;b;"m{pod=""a"",container=""b""}";d',
            'service=a,timestamp=b,used=m{pod="a",container="b"},total=d',
        ),
        ('a;b;"m{pod=""a"",z=""b""}";d', 'service=a,timestamp=b,used="m{pod=""a"",z=""b""}",total=d'),
        ('a;b;"c""x";d', 'service=a,timestamp=b,used="c""x",total=d'),
        ("a;b;c;d", "service=#1, timestamp=#2, used=#3, total=#4"),
        ("A ;b;C;d", "service=a,timestamp=B,used=c,total=D"),
        ("a,;b;c;d", '"service=a,",timestamp=b,used=c,total=d'),
    ],
)
def test_any_header_can_be_named(header: str, columns: str, tmp_path: Path) -> None:
    assert told(header, tmp_path, columns)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("usd=c", "--columns names usd: did you mean used"),
        ("mem=c", "--columns names mem: did you mean used"),
        ("qqq=c", r"--columns names qqq: A snapshot has active"),
        ("used", "give FIELD=COLUMN"),
        ("used=", "give FIELD=COLUMN"),
        ("used=a,used=b", "names used twice"),
        ('used="a', "a quote is not closed"),
        ("used=totl", r"no column totl for used: did you mean total\? It has service, timestamp"),
        ("used=#5", "has no column #5 for used: It has service"),
        ("used=#0", "has no column #0"),
    ],
)
def test_what_cannot_be_named_is_told(columns: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=said):
        reading(tmp_path, plain(), columns=columns)


def test_an_empty_mapping_names_nothing() -> None:
    assert parse_mapping(" , ") == {}


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("service,when,used,total", "has no timestamp: name its column with --columns timestamp=COLUMN"),
        (
            "service,timestamp,heap,total",
            "has neither used nor anon: name a column with --columns used=COLUMN",
        ),
        ("x,timestamp,free,total", "has neither used nor anon"),
    ],
)
def test_missing_columns_are_told(header: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=said):
        reading(tmp_path, table(header, ["app"] * 6, TIMES, USED, [TOTAL] * 6))


def test_the_only_column_of_dates_is_the_time(tmp_path: Path) -> None:
    dates = [f"2026-09-21 14:{minute}:20" for minute in range(13, 19)]
    recording = reading(tmp_path, table(",used,total", dates, USED, [TOTAL] * 6))
    assert recording.columns["timestamp"] == TIMES


def test_a_column_that_only_looks_like_a_field_is_left_alone(tmp_path: Path) -> None:
    content = table("service,timestamp,used,total,file", ["app"] * 6, TIMES, USED, [TOTAL] * 6, ["a.py"] * 6)
    recording = reading(tmp_path, content)
    assert is_plain(recording)
    assert "file" not in recording.columns
    assert any("not read as file" in line for line in recording.notes.every)


def test_no_service_is_the_file_s_name(tmp_path: Path) -> None:
    recording = reading(tmp_path, table("time,used,total", TIMES, USED, [TOTAL] * 6), "cart.v1.csv")
    assert recording.columns["service"] == recording.columns["instance"] == ["cart.v1"] * 6
    assert any("its service is `cart.v1`" in line for line in recording.notes.every)
