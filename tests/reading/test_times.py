"""Times in every form; forms are never mixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from fleetleak_app.reading import BadRecording, Recording
from tests.reading.support import START, TIMES, TOTAL, USED, reading, table


def timed(tmp_path: Path, times: Sequence[object], header: str = "timestamp") -> Recording:
    return reading(
        tmp_path, table(f"service;{header};used;total", ["app"] * 6, times, USED, [TOTAL] * 6, delimiter=";")
    )


def minutes(form: str) -> list[str]:
    return [form.replace("MM", str(minute)) for minute in range(13, 19)]


@pytest.mark.parametrize(
    ("factor", "name"), [(10**3, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds")]
)
def test_units_are_told_by_magnitude(factor: int, name: str, tmp_path: Path) -> None:
    recording = timed(tmp_path, [time * factor for time in TIMES])
    assert recording.columns["timestamp"] == pytest.approx(TIMES)
    assert f"timestamps are {name}" in recording.notes.every


def test_magnitude_counts_more_than_the_header(tmp_path: Path) -> None:
    assert timed(tmp_path, list(TIMES), "timestamp [ms]").columns["timestamp"] == TIMES


@pytest.mark.parametrize(
    "form",
    [
        "2026-09-21T14:MM:20Z",
        "2026-09-21 14:MM:20Z",
        "2026-09-21T16:MM:20+02:00",
        "2026-09-21T16:MM:20+0200",
        "2026-09-21 16:MM:20 +0200",
        "2026-09-21 14:MM:20 UTC",
        "2026-09-21 14:MM:20 +0000 UTC",
        "2026-09-21 14:MM:20",
        "2026-09-21T14:MM:20",
        "2026/09/21 14:MM:20",
        "2026/9/21 14:MM:20",
        "2026-09-21T14:MM:20.000000000Z",
        "2026-09-21 14:MM:20,000",
        "20260921T14MM20Z",
        " 2026-09-21T14:MM:20Z ",
    ],
)
def test_dates_are_read(form: str, tmp_path: Path) -> None:
    recording = timed(tmp_path, minutes(form))
    assert recording.columns["timestamp"] == TIMES
    zoned = any(sign in form for sign in ("Z", "+", "UTC"))
    assert ("times have no zone: read as UTC" in recording.notes.every) is not zoned


@pytest.mark.parametrize("form", ["2026/09/21 14:MM", "2026-09-21 14:MM"])
def test_seconds_may_be_missing(form: str, tmp_path: Path) -> None:
    assert timed(tmp_path, minutes(form)).columns["timestamp"] == [time - 20 for time in TIMES]


def test_fractions_are_kept_to_the_microsecond(tmp_path: Path) -> None:
    recording = timed(tmp_path, minutes("2026-09-21T14:MM:20.123456789Z"))
    assert recording.columns["timestamp"][0] == pytest.approx(START + 0.123456, abs=1e-6)


def test_times_may_count_from_0(tmp_path: Path) -> None:
    recording = timed(tmp_path, [0, 30, 60, 90, 120, 150])
    assert recording.columns["timestamp"] == [0, 30, 60, 90, 120, 150]
    assert "timestamps count from 0: read as seconds from 1970" in recording.notes.every
    scaled = timed(tmp_path, [0, 30_000, 60_000, 90_000, 120_000, 150_000], "time (ms)")
    assert scaled.columns["timestamp"] == [0, 30, 60, 90, 120, 150]


def test_of_two_services_one_may_count_from_0(tmp_path: Path) -> None:
    content = table(
        "service,timestamp,used,total", ["a"] * 6 + ["b"] * 6, [*TIMES, *range(6)], USED * 2, [TOTAL] * 12
    )
    assert len(reading(tmp_path, content)) == 12


@pytest.mark.parametrize("wrong", ["0", "-5", "", "nan", "-", "2e10", "1e300", "soon"])
def test_a_time_that_is_none_is_left_out_and_counted(wrong: str, tmp_path: Path) -> None:
    recording = timed(tmp_path, [*TIMES[:2], wrong, *TIMES[3:]])
    assert recording.columns["timestamp"] == [*TIMES[:2], *TIMES[3:]]
    left = recording.notes.left["rows without a time"]
    assert left.count == 1
    shown = "" if wrong in ("", "nan", "-") else f": {wrong!r}"
    assert left.first.endswith(f"row 3, column timestamp{shown}")


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (
            [*TIMES[:3], *(1000 * t for t in TIMES[3:])],
            "row 4, .* 1790000180000 looks like milliseconds, the rows above like seconds",
        ),
        (
            [*TIMES[:3], *minutes("2026-09-21T14:MM:20Z")[3:]],
            "row 4, .* is a time with zone, the rows above have",
        ),
        (
            [*minutes("2026-09-21T14:MM:20")[:5], "2026-09-21T14:18:20Z"],
            "row 6, .* give all times in one form",
        ),
        (["yesterday"] * 6, r"row 1, column timestamp: 'yesterday' is no time: give unix seconds"),
        (["13:20"] * 6, "'13:20' is no time"),
        (minutes("21/09/2026 14:MM"), "is no time: give unix seconds .* YYYY-MM-DD"),
        ([2e10] * 6, "20000000000 is no time between 1971 and 2200 in seconds, milliseconds"),
        ([""] * 6, r"holds no row with a time and a service; rows without a time: 6"),
    ],
)
def test_what_is_no_column_of_times_is_told(times: Sequence[object], told: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=told):
        timed(tmp_path, times)


def test_a_date_and_a_time_of_day_may_stand_apart(tmp_path: Path) -> None:
    content = table(
        "Date,Time,used,total", ["2026-09-21"] * 6, [f"14:{m}:20" for m in range(13, 19)], USED, [TOTAL] * 6
    )
    assert reading(tmp_path, content).columns["timestamp"] == TIMES


def test_times_that_a_spreadsheet_rounded_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        BadRecording, match=r"row 1, .* 1.79E\+09 has lost its last digits: show the column as"
    ):
        timed(tmp_path, ["1.79E+09"] * 6)
    assert timed(tmp_path, [f"{60 * n:.3e}" for n in range(6)]).columns["timestamp"][5] == 300
    assert len(timed(tmp_path, [f"{time / 1e9:.9f}e+09" for time in TIMES])) == 6


def test_columns_without_a_delimiter_are_told(tmp_path: Path) -> None:
    content = table("time used total", TIMES, USED, [TOTAL] * 6, delimiter=" ")
    with pytest.raises(BadRecording, match="it has time used total; columns are separated by a comma"):
        reading(tmp_path, content)
