"""Bytes to rows: encodings, compression, dialects, and rows of odd lengths."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from fleetleak_app.reading import BadRecording, read
from tests.reading.support import START, TIMES, TOTAL, USED, is_plain, plain, reading, table

ROWS = plain().split("\n", 1)[1]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(plain().encode("utf-8-sig"), id="utf-8-bom"),
        pytest.param(plain().encode("utf-16"), id="utf-16-bom"),
        pytest.param(b"\xfe\xff" + plain().encode("utf-16-be"), id="utf-16-be-bom"),
        pytest.param(plain().encode("utf-16-le"), id="utf-16-le-bare"),
        pytest.param(plain().encode("utf-16-be"), id="utf-16-be-bare"),
        pytest.param(gzip.compress(plain().encode()), id="gzip"),
        pytest.param(gzip.compress(plain().encode("utf-16")), id="gzip-of-utf-16"),
        pytest.param(plain().replace("\n", "\r\n").encode(), id="crlf"),
        pytest.param(plain().replace("\n", "\r").encode(), id="cr"),
        pytest.param(plain().replace("app", "a\0pp").encode(), id="nul"),
        pytest.param(b"\n\n# made by hand\n" + plain().encode(), id="comments-before"),
        pytest.param(plain().replace("\n", "\n\n").encode() + b"\n\n", id="blank-lines"),
        pytest.param(plain(";").encode(), id="semicolon"),
        pytest.param(plain("\t").encode(), id="tab"),
        pytest.param(plain("|").encode(), id="bar"),
        pytest.param(b"sep=;\r\n" + plain(";").encode(), id="sep"),
        pytest.param(b"\xef\xbb\xbfsep=\t\n" + plain("\t").encode(), id="sep-tab"),
        pytest.param(plain(", ").encode(), id="spaces"),
        pytest.param(plain(";\t").encode(), id="semicolon-and-tab"),
        pytest.param(plain().replace("\n", ",\n").encode(), id="trailing-delimiter"),
        pytest.param(
            ("service,timestamp,used,total\n" + ROWS.replace("\n", ",\n")).encode(), id="trailing-rows"
        ),
        pytest.param(plain().replace("app", '"app"').replace("used", '"used"').encode(), id="quotes"),
        pytest.param(
            "".join(f"'{x}'" if x.isalnum() else x for x in re.split(r"([,\n])", plain())).encode(), id="'"
        ),
        pytest.param(plain().replace("used", " Used ").replace("total", "TOTAL").encode(), id="case"),
        pytest.param((plain() + ",,,\n,,,\n").encode(), id="rows-of-nothing"),
        pytest.param((plain() + "# end\n").encode(), id="comment-after"),
        pytest.param((plain() + "service,timestamp,used,total\n").encode(), id="header-again"),
        pytest.param(("# service,timestamp,used,total\n" + ROWS).encode(), id="commented-header"),
    ],
)
def test_every_dialect_gives_the_same(content: bytes, tmp_path: Path) -> None:
    assert is_plain(reading(tmp_path, content))


def test_latin_1_is_read_and_said(tmp_path: Path) -> None:
    recording = reading(tmp_path, plain().replace("app", "bücher").encode("latin-1"))
    assert recording.columns["service"] == ["bücher"] * 6
    assert any("is not UTF-8" in line for line in recording.notes.every)


def test_a_delimiter_in_values_is_not_taken_for_the_delimiter(tmp_path: Path) -> None:
    content = table("service;timestamp;used;total", ["a,b|c"] * 6, TIMES, USED, [TOTAL] * 6, delimiter=";")
    assert reading(tmp_path, content).columns["service"] == ["a,b|c"] * 6


def test_short_rows_have_missing_values(tmp_path: Path) -> None:
    recording = reading(tmp_path, plain() + f"app,{START + 360}\n")
    assert (recording.columns["used"][-1], recording.columns["total"][-1]) == (None, None)
    assert recording.usable == 6


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (plain() + f"app,{START + 360},1,2,3\n", r"app.csv row 7 has 5 values, the header 4 names"),
        (ROWS, r"has no header: its first line is 'app,1790000000,.*Put the names"),
        ("1,2\n3,4\n", "has no header"),
        ("service,timestamp,used\n", "holds no rows below its header"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("# only words\n", "holds no rows"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "neither text"),
        (b"PK\x03\x04rest", "an Excel file"),
        (b"\x1f\x8bno", "damaged gzip"),
        (gzip.compress(plain().encode())[:-9], "damaged gzip"),
        (plain() + f'"app,{START + 360},1,2\napp,{START + 420},1,2\n', "a quote in row 7 is not closed"),
        (plain() + '"' + "x" * 200_000, "is a quote not closed"),
    ],
)
def test_what_is_no_table_is_told(content: str | bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=told):
        reading(tmp_path, content)


def test_quotes_that_swallow_rows_are_told(tmp_path: Path) -> None:
    lines = plain().split("\n")
    two = [*lines[:3], f'"{lines[3]}', lines[4], f'{lines[5][:-3]}"', lines[6], ""]
    assert any(
        "2 line ends stand inside quotes" in line for line in reading(tmp_path, "\n".join(two)).notes.every
    )
    most = [lines[0], f'"{lines[1]}', *lines[2:6], f'{lines[6][:-3]}"', lines[1], ""]
    with pytest.raises(BadRecording, match="5 line ends stand inside quotes: one is not closed"):
        reading(tmp_path, "\n".join(most))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=r"none.csv: No such file"):
        read([str(tmp_path / "none.csv")])
    with pytest.raises(BadRecording, match="Is a directory"):
        read([str(tmp_path)])
