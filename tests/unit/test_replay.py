"""`fleetleak replay`: recorded series in, alerts and scores out."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

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
ROWS = 1700
ALERTS = "a.jsonl"


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def transitions(path: Path) -> list[dict[str, object]]:
    return lines(path.read_text())


class Replayed(NamedTuple):
    """What one replay printed, and what it wrote."""

    out: str
    err: str
    alerts: Path
    scores: Path


@pytest.fixture(scope="module")
def with_files(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """A replay that writes alerts and scores as JSON lines, and prints JSON."""
    return replayed(tmp_path_factory.mktemp("files"), "--json", "--alerts", ALERTS, "--scores", "s.jsonl")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """A replay that only prints alerts, as JSON lines."""
    return replayed(tmp_path_factory.mktemp("alone"), "--alerts", "-")


@pytest.fixture(scope="module")
def for_people(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """A replay that prints alerts for people, and writes scores as Parquet."""
    pytest.importorskip("pyarrow.parquet")
    return replayed(tmp_path_factory.mktemp("people"), "--scores", "s.parquet")


def replayed(directory: Path, *words: str) -> Replayed:
    """Run the command on the same recording; names of files are those below the directory."""
    options = [str(directory / word) if "." in word else word for word in words]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        assert main(["replay", str(recorded(directory / "r.csv")), *COLUMNS, *options]) == 0
    printed, said = ((stream.seek(0), stream.read())[1] for stream in (out, err))
    return Replayed(printed, said, directory / ALERTS, directory / options[-1])


def test_alerts_are_lines_with_absolute_times(with_files: Replayed) -> None:
    alerts = transitions(with_files.alerts)
    assert {line["service"] for line in alerts} == {"s0"}
    first = alerts[0]
    assert (first["state"], first["kind"]) == ("firing", "linear")
    assert START + 60 * 150 < float(str(first["time"])) < START + 60 * 400
    limit = START + 60 * (150 + (1024 - 302) / 3)
    assert float(str(first["eta_low"])) <= limit <= float(str(first["eta_high"]))
    assert [line["time"] for line in alerts] == sorted(float(str(line["time"])) for line in alerts)


def test_alerts_do_not_depend_on_whether_scores_are_wanted(with_files: Replayed, alone: Replayed) -> None:
    assert with_files.alerts.read_text() == alone.out != ""
    scores = [Decoder(Score).decode(line) for line in with_files.scores.read_bytes().splitlines()]
    assert [score.input_offset for score in scores] == list(range(len(scores)))
    assert [score.time for score in scores] == sorted(score.time for score in scores)


def test_scores_become_parquet_by_the_name_of_the_file(with_files: Replayed, for_people: Replayed) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(for_people.scores).to_pylist()
    scores = [Decoder(Score).decode(line) for line in with_files.scores.read_bytes().splitlines()]
    assert len(rows) == len(scores) == ROWS
    for row, score in zip(rows, scores, strict=True):
        assert (row["service"], row["time"], row["confidence"]) == (
            score.service,
            score.time,
            score.confidence,
        )
        assert row["trend_growth"] == (score.trend.growth if score.trend else None)
        assert row["forecast_eta"] == (score.forecast.eta if score.forecast else None)
        assert row["reasons"] == score.reasons


def test_scores_come_back_from_parquet(with_files: Replayed, for_people: Replayed) -> None:
    pytest.importorskip("pyarrow.parquet")
    from fleetleak_app.replay.parquet import from_parquet

    scores = [Decoder(Score).decode(line) for line in with_files.scores.read_bytes().splitlines()]
    assert list(from_parquet(str(for_people.scores))) == scores
    assert any(score.methods for score in scores)
    assert any(score.forecast and score.features for score in scores)


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


def test_alerts_are_printed_for_people(for_people: Replayed) -> None:
    first, summary = for_people.out.splitlines()[:2]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ  firing  medium  s0@\d+  linear", first)
    assert summary.startswith("  s0 grows 180 MiB/h since ")
    assert max(map(len, for_people.out.splitlines())) <= 80
    assert f"{ROWS:,} rows read, {ROWS:,} usable" in for_people.err


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


def test_json_holds_the_counts_and_the_alerts(with_files: Replayed) -> None:
    (printed,) = lines(with_files.out)
    assert printed["alerts"] == transitions(with_files.alerts)
    assert (printed["rows"], printed["usable"], printed["unreadable"]) == (ROWS, ROWS, 0)


def test_alerts_on_stdout_stand_alone(alone: Replayed) -> None:
    assert {line["service"] for line in lines(alone.out)} == {"s0"}


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
