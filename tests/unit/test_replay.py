"""`fleetleak replay`: recorded series in, alerts and scores out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fleetleak.records import Decoder, Score
from fleetleak_app.cli import main
from fleetleak_app.reading import BadRecording, judged, read
from fleetleak_app.replay.records import records
from fleetleak_app.replay.summary import Highest

START = 1_700_000_000
GIB, MIB = 2**30, 2**20


def recorded(path: Path, services: int = 5, samples: int = 400) -> Path:
    """Write series of different length; the first leaks."""
    lines = ["name,at,mem,total"]
    for number in range(services):
        for tick in range(samples - 30 * number):
            wobble = (tick * 7919 + number * 104729) % 5
            leak = max(0, tick - 150) * 3 if number == 0 else 0
            lines.append(f"s{number},{START + 60 * tick},{(300 + wobble + leak) * MIB},{1024 * MIB}")
    path.write_text("\n".join(lines))
    return path


COLUMNS = ["--columns", "service=name,timestamp=at,used=mem"]


def transitions(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_alerts_are_lines_with_absolute_times(tmp_path: Path) -> None:
    out = tmp_path / "alerts.jsonl"
    assert main(["replay", str(recorded(tmp_path / "r.csv")), *COLUMNS, "--alerts", str(out)]) == 0
    found = transitions(out)
    assert {line["service"] for line in found} == {"s0"}
    first = found[0]
    assert (first["state"], first["kind"]) == ("firing", "linear")
    assert START + 60 * 150 < float(str(first["time"])) < START + 60 * 400
    limit = START + 60 * (150 + (1024 - 302) / 3)
    assert float(str(first["eta_low"])) <= limit <= float(str(first["eta_high"]))
    assert [line["time"] for line in found] == sorted(float(str(line["time"])) for line in found)


def test_alerts_do_not_depend_on_whether_scores_are_wanted(tmp_path: Path) -> None:
    recording = str(recorded(tmp_path / "r.csv"))
    alone, beside, scores = (tmp_path / name for name in ("a.jsonl", "b.jsonl", "s.jsonl"))
    assert main(["replay", recording, *COLUMNS, "--alerts", str(alone)]) == 0
    assert main(["replay", recording, *COLUMNS, "--alerts", str(beside), "--scores", str(scores)]) == 0
    assert alone.read_bytes() == beside.read_bytes() != b""
    read = [Decoder(Score).decode(line) for line in scores.read_bytes().splitlines()]
    assert [score.input_offset for score in read] == list(range(len(read)))
    assert [score.time for score in read] == sorted(score.time for score in read)


def test_scores_become_parquet_by_the_name_of_the_file(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    recording = str(recorded(tmp_path / "r.csv", services=2))
    lines, table = tmp_path / "s.jsonl", tmp_path / "s.parquet"
    for out in (lines, table):
        assert main(["replay", recording, *COLUMNS, "--scores", str(out)]) == 0
    rows = parquet.read_table(table).to_pylist()
    scores = [Decoder(Score).decode(line) for line in lines.read_bytes().splitlines()]
    assert len(rows) == len(scores) > 700
    for row, score in zip(rows, scores, strict=True):
        assert (row["service"], row["time"], row["confidence"]) == (
            score.service,
            score.time,
            score.confidence,
        )
        assert row["trend_growth"] == (score.trend.growth if score.trend else None)
        assert row["forecast_eta"] == (score.forecast.eta if score.forecast else None)
        assert row["reasons"] == score.reasons


def test_percentages_and_bytes_stand_side_by_side_and_gaps_are_gaps(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    rows = ["service,timestamp,used,total,oom_kills", "percent,0,12.5,100,0", f"host,0,{2**40},{2**41},"]
    path.write_text("\n".join([*rows, "percent,60,nan,100,1"]))
    percent, host, gap = (json.loads(r.value or b"") for r in records(read([str(path)])))
    assert (percent["used"], percent["total"], percent["oom_kills"]) == (12.5 * MIB, 100 * MIB, 0)
    assert (host["used"], host["total"]) == (2**40, 2**41)
    assert "used" not in gap
    assert isinstance(percent["oom_kills"], int)
    path.write_text("\n".join([*rows, "percent,,13.5,100,1"]))
    with pytest.raises(
        BadRecording, match=r"rows without a time: 1 \(first: .*r.csv row 3, column timestamp\)"
    ):
        judged(read([str(path)]))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--columns", "service=name,timestamp=at,used=nothing"], "no column nothing"),
        (["--columns", "service=name,timestamp=at,memory=mem"], "--columns names memory: did you mean used?"),
        ([*COLUMNS, "--limit", "4XB"], "--limit: '4XB' is no amount of memory"),
        ([*COLUMNS, "--json", "--alerts", "-"], "--json and --alerts - both write to stdout"),
        ([*COLUMNS, "--alerts", "/nowhere/a.jsonl"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(recorded(tmp_path / "r.csv", 1, 10)), *words]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert told in said[0]


def level(path: Path, samples: int = 60) -> Path:
    rows = [f"quiet,{START + 60 * n},{(300 + n * 7919 % 5) * MIB},{1024 * MIB}" for n in range(samples)]
    path.write_text("\n".join(["service,timestamp,used,total", *rows]))
    return path


def test_alerts_are_printed_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recorded(tmp_path / "r.csv")), *COLUMNS]) == 0
    out, err = capsys.readouterr()
    first, summary = out.splitlines()[:2]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ  firing  early  s0@\d+  linear", first)
    assert summary.startswith("  s0 grows 180 MiB/h since ")
    assert max(map(len, out.splitlines())) <= 80
    assert "1,700 rows read, 1,700 usable" in err


def test_without_an_alert_it_is_said_how_near_one_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(level(tmp_path / "r.csv"))]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head == "no alert"
    assert line.startswith("  quiet: confidence at most 0.")


def test_of_many_services_the_nearest_are_told() -> None:
    highest = Highest()
    highest.add(
        json.dumps({"service": f"s{n}", "confidence": n / 100, "turning_point": f"closest to {n}"}).encode()
        for n in range(25)
    )
    highest.add([b'{"service":"s24","confidence":0.1}'])
    lines = highest.lines()
    assert lines[0] == "  s24: confidence at most 0.24, closest to 24"
    assert (len(lines), lines[-1]) == (21, "  and 5 more services")


def test_json_holds_the_counts_and_the_alerts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "alerts.jsonl"
    assert main(["replay", str(recorded(tmp_path / "r.csv")), *COLUMNS, "--json", "--alerts", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["alerts"] == transitions(out)
    assert (found["rows"], found["usable"], found["unreadable"]) == (1700, 1700, 0)


def test_alerts_on_stdout_stand_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recorded(tmp_path / "r.csv")), *COLUMNS, "--alerts", "-"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["service"] for line in found} == {"s0"}


def test_what_cannot_be_judged_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.csv"
    path.write_text("\n".join(["Time,rss", *(f"{1000 * (START + n)},{GIB}" for n in range(9))]))
    assert main(["replay", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(
        "fleetleak: nothing can be judged: no row has a limit or total: give --limit"
    )
    assert "note: timestamps are milliseconds" in err.splitlines()
    assert main(["replay", str(path), "--limit", "4GiB"]) == 0
