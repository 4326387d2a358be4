"""Series side by side, JSON, JSON lines, Parquet: all become one long recording."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fleetleak.records import Snapshot, encode
from fleetleak_app.reading import BadRecording, Options, Recording, read
from tests.reading.support import GIB, START, TIMES, TOTAL, USED, is_plain, plain, reading, table, written

pyarrow = pytest.importorskip("pyarrow")
GRAFANA = [f"2026-09-21 14:{minute}:20" for minute in range(13, 19)]


def services(recording: Recording) -> list[tuple[str, str]]:
    pairs = zip(recording.columns["service"], recording.columns["instance"], strict=True)
    return sorted(set(pairs))


def test_a_column_for_each_service(tmp_path: Path) -> None:
    recording = reading(tmp_path, table('"Time","app","cart (MiB)"', GRAFANA, ["1.00 GiB"] * 6, [512] * 6))
    assert services(recording) == [("app", "app"), ("cart", "cart")]
    assert recording.columns["used"] == [GIB] * 6 + [GIB // 2] * 6
    assert recording.columns["timestamp"] == TIMES * 2
    assert any("its other columns, 2, are services" in line for line in recording.notes.every)


def test_a_total_beside_series_is_everyone_s(tmp_path: Path) -> None:
    recording = reading(tmp_path, table("time,a,b,total", TIMES, USED, USED, [TOTAL] * 6))
    assert recording.usable == 12
    assert recording.columns["total"] == [TOTAL] * 12


def test_gaps_between_series_are_no_rows(tmp_path: Path) -> None:
    recording = reading(tmp_path, table("time,a,b", TIMES, USED, [USED[0], "", "-", "null", "NaN", USED[5]]))
    assert recording.columns["service"] == ["a"] * 6 + ["b"] * 2
    assert recording.columns["timestamp"][6:] == [TIMES[0], TIMES[5]]


@pytest.mark.parametrize(
    ("name", "service", "instance"),
    [
        ('{pod="cart-1", container="web"}', "cart-1/web", "cart-1/web"),
        ('{namespace="shop", pod="cart-1", container="web"}', "shop/cart-1/web", "shop/cart-1/web"),
        ('container_memory_working_set_bytes{container="web",id="/x"}', "web", "web"),
        ('process_resident_memory_bytes{instance="h:9100", job="node"}', "node", "h:9100"),
        ('{color="red"}', '{color="red"}', '{color="red"}'),
    ],
)
def test_labels_name_the_service(name: str, service: str, instance: str, tmp_path: Path) -> None:
    head = name.replace('"', '""')
    recording = reading(tmp_path, table(f'Time;"{head}"', TIMES, USED, delimiter=";"))
    assert services(recording) == [(service, instance)]
    unquoted = reading(tmp_path, table(f"Time\t{name}", TIMES, USED, delimiter="\t"))
    assert services(unquoted) == [(service, instance)]


def test_series_that_labels_do_not_tell_apart_keep_their_whole_names(tmp_path: Path) -> None:
    names = [f'mem{{pod="a", id="{number}"}}' for number in (1, 2)]
    heads = [name.replace('"', '""') for name in names]
    recording = reading(tmp_path, table(f'Time,"{heads[0]}","{heads[1]}"', TIMES, USED, USED))
    assert services(recording) == [(name, name) for name in names]


def answer(*series: tuple[dict[str, str], list[Any]]) -> dict[str, Any]:
    results = [
        {"metric": labels, "values": [[time, str(value)] for time, value in zip(TIMES, values, strict=True)]}
        for labels, values in series
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": results}}


def test_an_answer_of_prometheus(tmp_path: Path) -> None:
    memory, limit = "container_memory_working_set_bytes", "container_spec_memory_limit_bytes"
    content = answer(
        ({"__name__": memory, "pod": "a"}, USED),
        ({"__name__": memory, "pod": "b"}, [*USED[:5], "NaN"]),
        ({"__name__": limit, "pod": "a"}, [TOTAL] * 6),
    )
    for data in (
        json.dumps(content),
        json.dumps(content["data"], indent=1),
        json.dumps(content["data"]["result"]),
    ):
        recording = reading(tmp_path, gzip.compress(data.encode()), "r.json.gz")
        assert services(recording) == [("a", "a"), ("b", "b")]
        assert recording.columns["limit"] == [TOTAL] * 6 + [None] * 5
        assert recording.usable == 6


def test_snapshots_one_a_line(tmp_path: Path) -> None:
    lines = [
        encode(Snapshot(service="s", instance="i", timestamp=time, used=5, limit=10, labels={"a": "b"}))
        for time in TIMES
    ]
    broken = [*lines, b"{", b'{"schema":"snapshot/1","service":"s"}', b""]
    recording = reading(tmp_path, b"\n".join(broken), "s.jsonl")
    assert recording.columns["used"] == [5] * 6
    assert recording.columns["labels"] == [{"a": "b"}] * 6
    assert recording.read == 8
    assert {reason: left.count for reason, left in recording.notes.left.items()} == {
        "unreadable snapshots (malformed)": 1,
        "unreadable snapshots (invalid)": 1,
    }


def test_objects_one_a_line_or_in_a_list(tmp_path: Path) -> None:
    objects = [
        {"Time": time, "rss": used, "total": TOTAL, "x": {"y": 1}}
        for time, used in zip(TIMES, USED, strict=True)
    ]
    for content in ("\n".join(map(json.dumps, objects)), json.dumps(objects)):
        assert is_plain(reading(tmp_path, content, "app.json"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            '{"status":"error","errorType":"bad_data","error":"no such metric"}',
            "error of Prometheus: 'no such",
        ),
        ('{"status":"success","data":{"resultType":"matrix","result":[]}}', "holds no series"),
        (
            '{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]}]}}',
            "give the answer to query_range",
        ),
        ('{"a": 1', "neither an answer of Prometheus nor"),
        ("[1, 2]", "neither an answer of Prometheus nor"),
        ('{"schema":"snapshot/1"}', "no snapshot that can be read; row 1: Object missing"),
        ('{"a": 1}', "neither an answer of Prometheus nor"),
        ('{"a": 1}\n{"a": 2}', "has no timestamp"),
    ],
)
def test_other_json_is_told(content: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=told):
        reading(tmp_path, content, "x.json")


def parquet(tmp_path: Path, columns: dict[str, Any], name: str = "app.parquet") -> Recording:
    from pyarrow import parquet as pq

    pq.write_table(pyarrow.table(columns), tmp_path / name)
    return read([str(tmp_path / name)])


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.timestamp("s"),
        pyarrow.timestamp("ms"),
        pyarrow.timestamp("us", "UTC"),
        pyarrow.timestamp("ns", "Europe/Berlin"),
        pyarrow.timestamp("ns"),
    ],
    ids=str,
)
def test_times_of_parquet(kind: Any, tmp_path: Path) -> None:
    moments = [dt.datetime.fromtimestamp(time, dt.UTC) for time in TIMES]
    bare = [moment.replace(tzinfo=None) for moment in moments]
    times = pyarrow.array(moments if kind.tz else bare, kind)
    assert is_plain(parquet(tmp_path, {"timestamp": times, "used": USED, "total": [TOTAL] * 6}))
    unnamed = parquet(tmp_path, {"__index_level_0__": times, "used": USED, "total": [TOTAL] * 6})
    assert is_plain(unnamed)


def test_columns_of_every_type_of_parquet(tmp_path: Path) -> None:
    recording = parquet(tmp_path, {
        "service": pyarrow.array(["app"] * 6).dictionary_encode(),
        "instance": pyarrow.array([b"i"] * 6, pyarrow.binary()),
        "timestamp": pyarrow.array([str(time) for time in TIMES]),
        "used": pyarrow.array([decimal.Decimal(used) for used in USED], pyarrow.decimal128(20, 2)),
        "total": pyarrow.array([float(TOTAL)] * 6, pyarrow.float32()),
        "limit": pyarrow.array([None] * 6, pyarrow.null()),
        "version": pyarrow.array([1] * 6, pyarrow.int8()).dictionary_encode(),
        "anon": pyarrow.array([[1]] * 6),
        "host": pyarrow.array([{"a": 1}] * 6),
        "file": pyarrow.array([b"\xff"] * 6),
        "free": pyarrow.array([1] * 6, pyarrow.duration("s")),
        "oom_kills": pyarrow.array([True] * 6),
        "started": pyarrow.array([dt.date(2026, 9, 1)] * 6),
    })  # fmt: skip
    assert is_plain(recording)
    assert (recording.columns["instance"][0], recording.columns["version"][0]) == ("i", "1")
    assert (recording.columns["oom_kills"][0], recording.columns["started"][0]) == (1, 1_788_220_800)
    unread = {line.split("`")[1] for line in recording.notes.every if "is not read" in line}
    assert unread == {"anon", "host", "file", "free"}


def test_parquet_is_known_by_its_content_and_damage_is_told(tmp_path: Path) -> None:
    columns = {"timestamp": TIMES, "used": USED, "total": [TOTAL] * 6}
    assert is_plain(parquet(tmp_path, columns, "app.dat"))
    data = (tmp_path / "app.dat").read_bytes()
    assert is_plain(reading(tmp_path, gzip.compress(data), "app.gz"))
    for damaged in (data[:-5], data[:50], b"PAR1", data[:4] + bytes(40) + data[44:]):
        with pytest.raises(BadRecording, match="damaged Parquet"):
            reading(tmp_path, damaged, "app.parquet")
    with pytest.raises(BadRecording, match="holds no rows"):
        parquet(tmp_path, {name: pyarrow.array([], pyarrow.int64()) for name in columns})


def test_files_of_different_columns_become_one(tmp_path: Path) -> None:
    one = written(tmp_path, plain(), "one.csv")
    two = written(tmp_path, table("time,rss,limit", TIMES, USED, [TOTAL] * 6), "two.csv")
    recording = read([one, two], Options())
    assert recording.columns["service"] == ["app"] * 6 + ["two"] * 6
    assert recording.columns["total"] == [TOTAL] * 6 + [None] * 6
    assert recording.columns["limit"] == [None] * 6 + [TOTAL] * 6
    assert recording.usable == 12
    assert recording.columns["timestamp"][0] == START
