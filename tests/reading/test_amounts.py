"""Amounts in every form: units, thousands, decimals, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from fleetleak_app.reading import BadRecording, Options, Recording, parse_size, read
from tests.reading.support import GIB, MIB, TIMES, TOTAL, reading, table, written

BIG = 1_073_741_824


def used(tmp_path: Path, values: Sequence[object], total: object = TOTAL) -> Recording:
    quoted: list[object] = [f'"{value}"' for value in values]
    return reading(tmp_path, table("service,timestamp,used,total", ["app"] * 6, TIMES, quoted, [total] * 6))


@pytest.mark.parametrize(
    "text",
    [
        "1,073,741,824",
        "1.073.741.824",
        "1 073 741 824",
        "1'073'741'824",
        "1\u202f073\u202f741\u202f824",
        "1\u00a0073\u00a0741\u00a0824",
        "1,073,741,824.0",
        "1.073.741.824,0",
        "1073741824,0",
        "1.073741824e9",
        "1.00 GiB",
        "1GiB",
        "1,0 GiB",
        "1 Gi",
        "1024MiB",
        "1,048,576 KiB",
        "1.048.576 K",
        "1G",
        "1024m",
        "1073741824 B",
        "1073741.824 kB",
        "1073,741824 MB",
        "+1073741824",
        "1073741824 bytes",
    ],
)
def test_amounts_are_read(text: str, tmp_path: Path) -> None:
    assert used(tmp_path, [text] * 6).columns["used"] == [BIG] * 6


def test_units_may_differ_from_row_to_row_and_are_said_once(tmp_path: Path) -> None:
    recording = used(tmp_path, ["512 MiB", "1.00 GiB", "1.5 GB", "600 MiB", "0", "1024"])
    assert recording.columns["used"] == [512 * MIB, GIB, 1_500_000_000, 600 * MIB, 0, 1024]
    assert list(recording.notes.every) == [
        "GB is read as 1,000,000,000 bytes",
        "GiB is read as 1,073,741,824 bytes",
        "MiB is read as 1,048,576 bytes",
    ]


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (["1,234", "2,345", "1,000,000", "1", "2", "3"], 1234),
        (["1,234", "2,345", "1,5", "1", "2", "3"], 1),
        (["1.234", "2.345", "1.000.000", "1", "2", "3"], 1234),
        (["1.234", "2.345", "1,5", "1", "2", "3"], 1234),
    ],
)
def test_three_digits_are_understood_by_the_other_rows(
    values: Sequence[object], first: int, tmp_path: Path
) -> None:
    assert used(tmp_path, values).columns["used"][0] == first


def test_a_point_alone_is_a_decimal_point(tmp_path: Path) -> None:
    assert used(tmp_path, ["1.234", "1.235", "1.236", "1.237", "1.238", "1.239"], 100).columns["used"][
        0
    ] == round(1.234 * MIB)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["1,234"] * 6, "row 1, column used: '1,234' can mean thousands or decimals"),
        (
            ["1.5", "1,5", "1", "1", "1", "1"],
            "row 2, column used: '1,5' has other decimals than the rows above",
        ),
        (["50 %", "1 GiB", "1", "1", "1", "1"], "is no percentage, and other rows are"),
        (
            ["lots"] * 6,
            "row 1, column used: 'lots' is no amount of memory: give bytes, or a number with a unit",
        ),
        (["5 parsecs"] * 6, "'5 parsecs' is no amount"),
        (["1,07,37,41,824"] * 6, "is no amount"),
    ],
)
def test_what_cannot_be_told_is_an_error(values: Sequence[object], told: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=told):
        used(tmp_path, values)


@pytest.mark.parametrize(
    "text", ["", "-", "NaN", "nan", "null", "NULL", "N/A", "None", " ", "inf", "undefined"]
)
def test_what_is_missing_is_missing(text: str, tmp_path: Path) -> None:
    recording = used(tmp_path, [BIG, text, BIG, BIG, BIG, BIG])
    assert recording.columns["used"][1] is None
    assert recording.usable == 5
    assert "rows without used or anon: 1 (first: " in recording.summary()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("-1", "values below 0"),
        ("1.8446744073709552e19", "values above 2^60 (no limit)"),
        ("oops", "values that are no amount"),
    ],
)
def test_what_cannot_be_is_missing_and_counted(value: str, reason: str, tmp_path: Path) -> None:
    recording = used(tmp_path, [BIG, value, BIG, BIG, BIG, BIG])
    assert recording.columns["used"] == [BIG, None, BIG, BIG, BIG, BIG]
    assert f"{reason}: 1 (first: " in recording.summary()
    assert "row 2, column used" in recording.summary()


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    for limit in ("1.8446744073709552e19", "max", "unlimited", "9223372036854771712", "inf"):
        content = table(
            "service,timestamp,used,total,limit", ["app"] * 6, TIMES, [BIG] * 6, [TOTAL] * 6, [limit] * 6
        )
        recording = reading(tmp_path, content)
        assert (recording.columns["limit"], recording.usable) == ([None] * 6, 6)


def test_percent_is_of_the_total_or_of_100(tmp_path: Path) -> None:
    percent: list[object] = ["25 %", "50%", "50 %", "50 %", "50 %", "12,5 %"]
    assert used(tmp_path, percent).columns["used"] == [GIB, 2 * GIB, 2 * GIB, 2 * GIB, 2 * GIB, GIB // 2]
    assert (
        read([written(tmp_path, table("time,used %", TIMES, [50] * 6))], Options(limit=TOTAL)).columns[
            "used"
        ][0]
        == 2 * GIB
    )
    alone = reading(tmp_path, table("time,used (%)", TIMES, [25, 50, 50, 50, 50, 12.5]))
    assert (alone.columns["used"][0], alone.columns["total"][0]) == (25 * MIB, 100 * MIB)
    assert "used is in percent: total is 100 %" in alone.notes.every


def test_small_numbers_are_scaled_or_asked_about_never_silently(tmp_path: Path) -> None:
    kib = used(tmp_path, [1_048_851] * 6, 4_194_304)
    assert kib.columns["total"][0] == 4_194_304
    assert "largest total is 4.0 MiB: if the column is in KiB, use --unit KiB" in kib.notes.every
    mib = used(tmp_path, [1024] * 6, 4096)
    assert (mib.columns["used"][0], mib.columns["total"][0]) == (GIB, TOTAL)
    assert any("read as MiB" in line for line in mib.notes.every)


@pytest.mark.parametrize("text", ["", "4XB", "-1", "0", "nan", "1e40", "GiB", "4 %%"])
def test_a_size_that_is_none_is_told(text: str) -> None:
    with pytest.raises(BadRecording, match="is no amount of memory: give bytes, or a size such as 4GiB"):
        parse_size(text)
