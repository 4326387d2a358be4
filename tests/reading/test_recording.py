"""Rows left out are counted, with the first place. If too little is left, the error says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetleak_app.reading import BadRecording, Options, judged, read
from tests.reading.support import GIB, START, TIMES, TOTAL, USED, is_plain, plain, reading, table, written


def test_a_plain_recording_is_judged_without_a_word(tmp_path: Path) -> None:
    recording = judged(reading(tmp_path, plain()))
    assert is_plain(recording)
    assert recording.notes.lines() == []
    assert recording.summary() == "6 rows read, 6 usable"


def test_no_limit_is_told_with_its_option(tmp_path: Path) -> None:
    file = written(tmp_path, table("service,timestamp,used", ["app"] * 6, TIMES, USED))
    told = r"^nothing can be judged: no row has a limit or total: give --limit 4GiB, or name its column with"
    with pytest.raises(BadRecording, match=told):
        judged(read([file]))
    for options in (Options(limit=TOTAL), Options(total=TOTAL)):
        assert judged(read([file], options)).usable == 6


def test_an_option_counts_more_than_a_column(tmp_path: Path) -> None:
    recording = read([written(tmp_path, plain())], Options(total=GIB))
    assert recording.columns["total"] == [GIB] * 6


def test_no_memory_is_told_with_its_option(tmp_path: Path) -> None:
    content = table("service,timestamp,used,total", ["app"] * 6, TIMES, [""] * 6, [TOTAL] * 6)
    with pytest.raises(BadRecording, match="no row has memory: name its column with --columns used=COLUMN"):
        judged(reading(tmp_path, content))


def test_few_rows_are_too_few(tmp_path: Path) -> None:
    content = "\n".join(plain().split("\n")[:5])
    with pytest.raises(BadRecording, match=r"4 of 4 rows are usable, at least 5 are needed"):
        judged(reading(tmp_path, content))


def test_less_than_half_is_too_little(tmp_path: Path) -> None:
    used = [*USED, *[""] * 7]
    content = table(
        "service,timestamp,used,total", ["app"] * 13, [START + n for n in range(13)], used, [TOTAL] * 13
    )
    told = r"6 of 13 rows are usable: rows without used or anon: 7 \(first: .*row 7, column used\); name"
    with pytest.raises(BadRecording, match=told):
        judged(reading(tmp_path, content))
    enough = content.replace(f"app,{START + 12},,{TOTAL}\n", "")
    assert judged(reading(tmp_path, enough)).usable == 6


def test_the_first_of_repeated_rows_counts(tmp_path: Path) -> None:
    content = table("service,timestamp,used,total", ["app"] * 12, TIMES * 2, [*USED, *[1] * 6], [TOTAL] * 12)
    recording = judged(reading(tmp_path, content))
    assert is_plain(recording)
    assert recording.repeated == 6
    assert "6 of 12 rows repeat a time of their instance and are left out" in next(
        iter(recording.notes.every)
    )
    assert recording.summary() == "12 rows read, 6 usable, 6 repeated"


def test_mostly_repeated_rows_are_an_error(tmp_path: Path) -> None:
    content = table(
        "service,host,timestamp,used,total",
        ["app"] * 18,
        list("abc") * 6,
        sorted(TIMES * 3),
        USED * 3,
        [TOTAL] * 18,
    )
    with pytest.raises(BadRecording, match=r"12 of 18 rows repeat .* --columns instance=COLUMN"):
        judged(reading(tmp_path, content))
    assert judged(reading(tmp_path, content, columns="instance=host")).usable == 18


def test_a_service_of_which_nothing_can_be_judged_is_named(tmp_path: Path) -> None:
    content = table(
        "service,timestamp,used,total",
        ["app"] * 6 + ["bare"] * 2,
        [*TIMES, *TIMES[:2]],
        [*USED, 1, 1],
        [TOTAL] * 6 + [""] * 2,
    )
    recording = judged(reading(tmp_path, content))
    assert "nothing can be judged of bare" in recording.notes.every


def test_rows_without_a_service_are_left_out(tmp_path: Path) -> None:
    recording = reading(tmp_path, plain() + f",{START + 360},1,2\n{'x' * 300},{START + 420},1,2\n")
    assert is_plain(recording)
    assert "rows without a service: 2" in recording.summary()
    assert "values longer than 256 signs: 1" in recording.summary()


def test_a_scope_that_is_none_is_left_out(tmp_path: Path) -> None:
    content = table(
        "service,timestamp,used,total,scope", ["app"] * 6, TIMES, USED, [TOTAL] * 6, ["host", "moon"] * 3
    )
    recording = reading(tmp_path, content)
    assert recording.columns["scope"] == ["host", None] * 3
    assert "values that are no scope: 3" in recording.summary()


def test_many_notes_are_cut(tmp_path: Path) -> None:
    files = [
        written(tmp_path, table("time,used,total", TIMES, USED, [TOTAL] * 6), f"{n}.csv") for n in range(30)
    ]
    lines = read(files).notes.lines()
    assert len(lines) == 10
    assert lines[-1] == "and 22 more notes"
