"""Reading cases, and showing results."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from fleetleak_app.evaluation import table
from fleetleak_app.evaluation.alerts import read
from fleetleak_app.evaluation.cases import Leak, load, load_directory
from fleetleak_app.evaluation.rivals_table import write
from fleetleak_app.evaluation.scorer import score
from fleetleak_app.reading import Notes
from tests.accuracy.support import DAY, alert, days, leak

LABEL = {
    "group": "injected",
    "tag": "x",
    "leaks": [{"onset": 60.0, "end": 120.0, "kind": "linear", "rate": "2h", "exhaust": True}],
    "ambiguous": [[0, 60]],
    "t0": 0.0,
    "t1": 120.0,
    "total": 8.0,
}
ROWS = "series,timestamp,used,total\nb,5,1,8\na,60,3,8\na,0,2,8\na,120,4,8\n"


def _written(directory: Path) -> Path:
    (directory / "cases.json").write_text(json.dumps({"a": LABEL, "b": {**LABEL, "leaks": []}}))
    (directory / "cases.csv").write_text(ROWS)
    return directory


def test_cases_come_in_the_order_of_their_labels_and_samples_in_order_of_time(tmp_path: Path) -> None:
    first, second = load_directory(_written(tmp_path))
    assert (first.series, second.series) == ("a", "b")
    assert first.times.tolist() == [0, 60, 120]
    assert first.fraction.tolist() == [0.25, 0.375, 0.5]
    assert first.leaks == (Leak(60.0, 120.0, "linear", "2h", True),)
    assert first.ambiguous == ((0.0, 60.0),)
    assert first.step == 60


def test_a_series_without_samples_is_refused(tmp_path: Path) -> None:
    directory = _written(tmp_path)
    (directory / "cases.json").write_text(json.dumps({"gone": LABEL}))
    with pytest.raises(ValueError, match=r"cases.csv has no samples of gone"):
        load(directory / "cases.json", directory / "cases.csv")


def test_no_leaks_may_be_null_and_ambiguous_may_be_absent(tmp_path: Path) -> None:
    directory = _written(tmp_path)
    label = {"group": "real", "tag": "x", "leaks": None, "t0": 0, "t1": 120}
    (directory / "cases.json").write_text(json.dumps({"a": label}))
    (case,) = load_directory(directory)
    assert (case.leaks, case.ambiguous) == ((), ())


@pytest.mark.parametrize(
    ("label", "told"),
    [
        (
            {**LABEL, "leaks": [[60, 120]]},
            r"the label of a is wrong: Expected `object`, got `array` - at `\$.leaks",
        ),
        ({**LABEL, "leaks": [{"onset": 60}]}, "the label of a is wrong: Object missing required field `end`"),
        ({**LABEL, "leaks": "none"}, "the label of a is wrong"),
        ({**LABEL, "t0": None}, r"the label of a is wrong: Expected `float`, got `null` - at `\$.t0`"),
        ({**LABEL, "ambiguous": [[1, 2, 3]]}, "the label of a is wrong"),
        ({**LABEL, "t1": -1.0}, "the label of a has a span that ends at -1.0 before 0.0"),
        ([], "the label of a is wrong: Expected `object`"),
    ],
)
def test_a_label_of_another_form_is_told_with_its_series(label: object, told: str, tmp_path: Path) -> None:
    directory = _written(tmp_path)
    (directory / "cases.json").write_text(json.dumps({"a": label}))
    with pytest.raises(ValueError, match=told):
        load_directory(directory)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1', "\udcff"])
def test_labels_that_are_no_object_are_told(text: str, tmp_path: Path) -> None:
    directory = _written(tmp_path)
    (directory / "cases.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"cases.json is no JSON object with a label for each series"):
        load_directory(directory)


def test_samples_in_a_spreadsheet_s_dialect_are_read(tmp_path: Path) -> None:
    directory = _written(tmp_path)
    rows = ROWS.replace(",", ";").replace("b;5;1;8", 'b;5;"1,5";8').replace("a;120;4;8", "a;120;4;\na;180;;8")
    (directory / "cases.csv").write_text(rows, encoding="utf-8-sig")
    notes = Notes()
    a, b = load(directory / "cases.json", directory / "cases.csv", notes)
    assert b.used.tolist() == [1.5]
    assert (a.times.tolist(), a.used.tolist()[:2], a.total.tolist()) == ([0, 60, 180], [2, 3], [8, 8, 8])
    assert math.isnan(a.used[2])
    assert notes.left["rows without total"].count == 1


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("series,timestamp,used\na,0,1\n", "cases.csv has no column total"),
        ("name,timestamp,used,total\na,0,1,2\n", "cases.csv has no column series for service"),
        ("series,timestamp,used,total\na,soon,1,2\n", r"row 1, column timestamp: 'soon' is no time"),
        ("series,timestamp,used,total\na,0,1,\nb,0,1,2\n", "has no samples of a"),
    ],
)
def test_samples_that_cannot_be_read_are_told(rows: str, told: str, tmp_path: Path) -> None:
    directory = _written(tmp_path)
    (directory / "cases.csv").write_text(rows)
    with pytest.raises(ValueError, match=told):
        load_directory(directory)


def test_parquet_and_csv_give_the_same(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    directory = _written(tmp_path)
    columns = {
        "series": pyarrow.array(["b", "a", "a", "a"]).dictionary_encode(),
        "timestamp": [5, 60, 0, 120],
        "used": pyarrow.array([1, 3, 2, 4], pyarrow.float32()),
        "total": pyarrow.array([8, 8, 8, 8], pyarrow.float32()),
    }
    parquet.write_table(pyarrow.table(columns), directory / "cases.parquet")
    for one, two in zip(
        load(directory / "cases.json", directory / "cases.csv"), load_directory(directory), strict=True
    ):
        assert np.array_equal(one.times, two.times)
        assert np.array_equal(one.used, two.used)


def test_written_alerts_are_read_back(tmp_path: Path) -> None:
    lines = [alert(1.0), alert(2.0, "resolved")]
    write(tmp_path, {"static > 80 %": lines})
    assert read(tmp_path / "static---80--.jsonl") == lines


def test_the_table_shows_figures_with_intervals_and_dashes() -> None:
    cases = [days(10, leaks=(leak(2 * DAY, 4 * DAY),)), days(10, series="c")]
    report = score(cases, [alert(3 * DAY)], resamples=20)
    head, rule, line = table.render({"mine": report}).splitlines()
    assert head.startswith("| detector | recall |")
    assert head.count("|") == rule.count("|") == line.count("|")
    assert line.startswith("| mine | 1.00 [1.00, 1.00] | 1.00 [1.00, 1.00] | 1.00")
    assert "| - |" in line
    parts = table.render_parts(report.by_group).splitlines()
    assert parts[2].startswith("| clean | 0 | - | - | 0.00 | 0 | 0.0 |")


def test_results_become_json_without_nan() -> None:
    plain = table.plain(score([days(2)], [], resamples=0))
    assert plain["overall"]["recall"] is None
    assert json.loads(json.dumps(plain, allow_nan=False))["overall"]["false_alarms"] == 0
    assert table.number(math.nan) == "-"
