"""Files in the place of a server: dumps, OpenMetrics, answers of the API, and CSV of Grafana."""

from __future__ import annotations

import gzip
import json
import random
from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fleetleak.records import Snapshot
from fleetleak_app.backtest.files import Files, Stored, stored
from fleetleak_app.reading import BadRecording, Notes
from producers.prometheus.assemble import Assembler
from producers.prometheus.discover import NoData
from producers.prometheus.matchers import parse
from tests.backtest import fleet
from tests.backtest.series import (
    BEGIN,
    FORMS,
    LABELS,
    MIB,
    RSS,
    answer,
    dump,
    limits,
    openmetrics,
    quoted,
    rising,
    ticks,
    written,
)
from tests.backtest.support import Ran, cache, fleetleak

__all__ = ["cache"]

NO_TIME = "samples without a time from 1971 to 2200"


def read(*names: str, notes: Notes | None = None) -> dict[str, list[Stored]]:
    every = stored(names, notes or Notes())
    assert every is not None
    return every


def snapshots(every: dict[str, list[Stored]], step: float | None = None) -> list[Snapshot]:
    files = Files(every, None, [], step)
    assembler = Assembler(files.presets)
    return [
        snapshot for piece in files.pieces() for snapshot in assembler.snapshots(piece.window, piece.readings)
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_series(tmp_path: Path, form: str) -> None:
    samples = [*rising(ticks(8)), *rising(ticks(8), labels={"pod": "web-1"})]
    every = read(written(tmp_path, FORMS[form](samples)))
    assert list(every) == [RSS]
    first, second = every[RSS]
    assert (first.labels["pod"], second.labels["pod"]) == ("web-0", "web-1")
    assert list(first.times) == ticks(8)
    assert list(first.values) == [(100 + n) * MIB for n in range(8)]


@pytest.mark.parametrize("form", ["dump", "openmetrics"])
@pytest.mark.parametrize(
    "value",
    [
        'a,b="c"',
        'say "hi"',
        "back\\slash",
        "two\nlines",
        '}" 1 2',
        "a} 5 7 {b",
        "",
        "ünïcödé",
        "a=b,c",
        "\\n",
    ],
)
def test_signs_in_labels_are_kept(tmp_path: Path, form: str, value: str) -> None:
    (one,) = read(written(tmp_path, FORMS[form](rising(ticks(3), labels={"label": value, "last": "end"}))))[
        RSS
    ]
    assert one.labels["label"] == value
    assert one.labels["last"] == "end"
    assert list(one.times) == ticks(3)


@pytest.mark.parametrize("scale", [1, 1000])
def test_seconds_and_milliseconds(tmp_path: Path, scale: int) -> None:
    lines = "".join(f"{RSS}{{{quoted(LABELS)}}} 1e8 {time * scale:.3f}\n" for time in ticks(4))
    (one,) = read(written(tmp_path, lines))[RSS]
    assert list(one.times) == ticks(4)
    assert set(one.values) == {1e8}


def test_other_lines_are_counted_and_comments_are_not(tmp_path: Path) -> None:
    broken = [
        "garbage", f"{RSS}{{", f'{RSS}{{pod="a"}} 1', f'{RSS}{{pod="a"}} 1 2 3', f'{RSS}{{pod="a"}} 1 1.2.3',
        f'{RSS}{{pod="a"}} 1 .', f'{RSS}{{pod="a"}} 1 soon', f'{RSS}{{pod="a"}} 1 1e999',
        f'{RSS}{{pod="a"}} 1 179000004000000000000', f'{RSS}{{pod="a"}} 1 -5',
    ]  # fmt: skip
    notes = Notes()
    words = dump(rising(ticks(5))) + "# a comment\n\n" + "\n".join(broken) + "\n" + dump(rising(ticks(5)[3:]))
    (one,) = read(written(tmp_path, words), notes=notes)[RSS]
    assert len(one.times) == 7
    file, late = f"{tmp_path}/fleet.txt", 3
    assert notes.reasons() == (
        f"lines that are no samples: {len(broken) - late} (first: {file} row 8);"
        f" {NO_TIME}: {late} (first: {file} row 15)"
    )


def test_values_that_are_no_memory_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = dump([*rising(ticks(6)), *limits(ticks(6))]).splitlines()
    for number, value in ((1, "-1"), (2, "-5"), (3, "+Inf"), (4, "NaN")):
        words = lines[number].split(" ")
        lines[number] = " ".join([*words[:-2], value, words[-1]])
    file = written(tmp_path, "\n".join(lines))
    assert [one.timestamp for one in snapshots(read(file))] == [float(time) for time in ticks(6)[::5]]
    # What is not a number marks the end of a series: it is no value.
    assert "values that no memory has: 3 (first: container_memory_rss{" in fleetleak("backtest", file).err


@pytest.mark.parametrize("form", FORMS)
def test_gzip_and_windows_line_ends(tmp_path: Path, form: str) -> None:
    words = FORMS[form](rising(ticks(8))).replace("\n", "\r\n")
    plain = read(written(tmp_path, words))
    packed = read(written(tmp_path, gzip.compress(words.encode()), "fleet.gz"))
    assert packed == plain
    assert len(plain[RSS][0].times) == 8


def test_limits_of_one_file_belong_to_memory_of_another(tmp_path: Path) -> None:
    memory = written(tmp_path, answer(rising(ticks(6))), "memory.json")
    limit = written(tmp_path, dump(limits(ticks(6))), "limit.txt")
    for names in ((memory, limit), (limit, memory)):
        every = snapshots(read(*names))
        assert [one.limit for one in every] == 6 * [512 * MIB]
        assert [one.anon for one in every] == [(100 + n) * MIB for n in range(6)]


def test_only_limits_say_that_memory_is_missing(tmp_path: Path) -> None:
    ran = fleetleak("backtest", written(tmp_path, dump(limits(ticks(6)))))
    assert (ran.code, ran.out) == (1, "")
    assert "no memory" in ran.err


@pytest.mark.parametrize("form", FORMS)
def test_parts_of_one_series_are_joined(tmp_path: Path, form: str) -> None:
    samples = rising(ticks(30))
    whole = read(written(tmp_path, FORMS[form](samples), "whole"))
    # In no order, and with samples that are in two of them.
    parts = [samples[20:], samples[:12], samples[10:22]]
    names = [written(tmp_path, FORMS[form](part), f"part{n}") for n, part in enumerate(parts)]
    (one,) = read(*names)[RSS]
    assert set(zip(one.times, one.values, strict=True)) == set(
        zip(whole[RSS][0].times, whole[RSS][0].values, strict=True)
    )
    assert snapshots(read(*names)) == snapshots(whole)
    assert len(snapshots(whole)) == 30


def test_a_file_that_is_given_twice_counts_once(tmp_path: Path) -> None:
    name = written(tmp_path, dump(rising(ticks(30))))
    once, twice = read(name), read(name, name)
    assert Files(twice, None, [], None).whole == Files(once, None, [], None).whole
    assert snapshots(twice) == snapshots(once)


def test_a_mix_with_other_files_is_refused(tmp_path: Path) -> None:
    memory = written(tmp_path, dump(rising(ticks(6))))
    table = written(tmp_path, "service,timestamp,used,total\na,1790000000,1,2\n", "table.csv")
    ran = fleetleak("backtest", memory, table)
    assert (ran.code, ran.out) == (1, "")
    assert f"{table} has no series with Prometheus' names" in ran.err
    assert "give them apart" in ran.err


def test_what_is_no_file_is_said_in_one_line(tmp_path: Path) -> None:
    files = {
        str(tmp_path): "directory", str(tmp_path / "absent"): "no such file",
        written(tmp_path, b"\x1f\x8b\x08broken", "gz"): "damaged gzip",
        written(tmp_path, b"PK\x03\x04", "zip"): "ZIP", written(tmp_path, b"", "empty"): "empty",
        written(tmp_path, '{"status":"error","error":"too many"}', "error.json"): "too many",
    }  # fmt: skip
    for name, words in files.items():
        ran = fleetleak("backtest", name)
        assert (ran.code, ran.out) == (1, ""), ran
        (line,) = ran.err.splitlines()
        assert name in line
        assert words in line


def test_an_address_without_its_scheme_is_no_file() -> None:
    ran = fleetleak("backtest", "prometheus:9090")
    assert ran.code == 1
    assert "http://" in ran.err


def test_series_without_samples_are_no_memory(tmp_path: Path) -> None:
    body = {"status": "success", "data": {"result": [{"metric": {"__name__": RSS, **LABELS}, "values": []}]}}
    ran = fleetleak("backtest", written(tmp_path, json.dumps(body)))
    assert ran.code == 1
    assert "no memory" in ran.err


@pytest.mark.parametrize("wanted", [["node"], ["process"]])
def test_presets_without_data_are_said(tmp_path: Path, wanted: list[str]) -> None:
    every = read(written(tmp_path, dump(rising(ticks(6)))))
    with pytest.raises(NoData, match="presets and matchers"):
        Files(every, wanted, [], None)


def test_matchers_choose_series(tmp_path: Path) -> None:
    every = read(written(tmp_path, dump([*rising(ticks(6)), *rising(ticks(6), labels={"pod": "web-1"})])))
    files = Files(every, None, parse('pod=~".*-1"'), None)
    (preset,) = files.presets
    assert files.series(preset) == 1
    with pytest.raises(NoData):
        Files(every, None, parse('pod="web-2"'), None)


def jittered(count: int, every: float) -> list[float]:
    chance = random.Random(7)
    return [BEGIN - 7 + every * n + chance.uniform(-1, 1) for n in range(count)]


@pytest.mark.parametrize("step", [15, 60, 300])
def test_scrapes_at_odd_times_land_on_the_grid(tmp_path: Path, step: float) -> None:
    times = jittered(400, 15)
    every = snapshots(read(written(tmp_path, openmetrics(rising(times)))), step)
    assert all(one.timestamp % step == 0 for one in every)
    between = [later.timestamp - earlier.timestamp for earlier, later in pairwise(every)]
    assert set(between) == {step} or (step == 15 and max(between) == 30 and between.count(30) < 80)
    # Each is the newest sample before its time.
    memory = dict(zip(times, ((100 + n) * MIB for n in range(400)), strict=True))
    for one in every:
        newest = max(time for time in times if one.timestamp - step < time <= one.timestamp)
        assert one.anon == memory[newest]


def test_the_usual_step_is_that_of_the_samples(tmp_path: Path) -> None:
    for every in (15, 30, 60, 300):
        name = written(tmp_path, openmetrics(rising(jittered(99, every))))
        assert Files(read(name), None, [], None).whole.step == every


def test_seldom_samples_make_no_points_between_them(tmp_path: Path) -> None:
    samples = [*rising(ticks(10, every=300)), *limits(ticks(10, every=300))]
    every = snapshots(read(written(tmp_path, dump(samples))), step=60)
    assert [one.timestamp for one in every] == ticks(10, every=300)


def test_a_gap_stays_a_gap(tmp_path: Path) -> None:
    times = [*ticks(20)[:8], *ticks(20)[12:]]
    every = snapshots(read(written(tmp_path, dump([*rising(times), *limits(ticks(20))]))))
    assert [one.timestamp for one in every] == times


def test_a_limit_lasts_five_minutes_and_no_longer(tmp_path: Path) -> None:
    samples = [*rising(ticks(20)), *limits(ticks(20)[:5])]
    every = snapshots(read(written(tmp_path, dump(samples))))
    assert [one.limit is not None for one in every] == [*9 * [True], *11 * [False]]


def test_the_size_of_pieces_of_files_changes_nothing() -> None:
    """Many series make small pieces."""

    def series(count: int) -> dict[str, list[Stored]]:
        labels = [LABELS | {"pod": f"web-{n}"} for n in range(count)]
        times = array("d", ticks(500))
        values = [array("d", [(100 + 30 * fleet.wobble(t, n)) * MIB for t in range(500)]) for n in range(3)]
        return {RSS: [Stored(one, times, values[n % 3]) for n, one in enumerate(labels)]}

    few, many = Files(series(3), None, [], 60), Files(series(1500), None, [], 60)
    assert [len(list(files.pieces())) for files in (few, many)] == [1, 2]
    kept = [
        points.values
        for piece in many.pieces()
        for _, every in piece.readings["cadvisor"]
        for points in every[:1]
    ]
    assert [value for values in kept for value in values] == list(series(1)[RSS][0].values)


def leaking(count: int) -> list[float]:
    """Return the memory of a leak that ends at 90 % of 512 MiB."""
    return [(120 + 340 * n / count + 2 * fleet.wobble(n, 1)) * MIB for n in range(count)]


GRAFANA_TIMES: dict[str, Callable[[float], str]] = {
    "ISO": lambda time: datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "milliseconds": lambda time: f"{round(time * 1000)}",
    "local time": lambda time: datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S"),
    "zone": lambda time: datetime.fromtimestamp(time, timezone(timedelta(hours=5, minutes=30))).isoformat(),
}
HEADS: dict[str, tuple[str, Callable[[float], str]]] = {
    "bytes": ("shop-cart", lambda value: f"{value:.0f}"),
    "unit in the header": ("shop-cart (MiB)", lambda value: f"{value / MIB:.3f}"),
    "unit in the values": ("shop-cart", lambda value: f"{value / MIB:.1f} MiB"),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The result of the same series as plain numbers."""
    return grafana(tmp_path_factory.mktemp("plain"), lambda time: f"{time:.0f}", *HEADS["bytes"]).json


def grafana(folder: Path, time: Callable[[float], str], head: str, value: Callable[[float], str]) -> Ran:
    """Backtest a CSV as a panel exports it."""
    count = 2 * 1440
    rows = [
        f'"{time(at)}","{value(memory)}"' for at, memory in zip(ticks(count), leaking(count), strict=True)
    ]
    file = written(folder, "\n".join([f'"Time","{head}"', *rows, ""]), "panel.csv")
    return fleetleak("backtest", file, "--total", "512MiB", "--json")


@pytest.mark.parametrize("form", GRAFANA_TIMES)
@pytest.mark.parametrize("head", HEADS)
def test_the_csv_of_a_panel_gives_the_same_alert(
    tmp_path: Path, plain: dict[str, Any], form: str, head: str
) -> None:
    ran = grafana(tmp_path, GRAFANA_TIMES[form], *HEADS[head])
    (alert,) = ran.json["alerts"]
    (expected,) = plain["alerts"]
    assert alert["firing"]["service"] == expected["firing"]["service"] == "shop-cart"
    assert alert["firing"]["time"] == pytest.approx(expected["firing"]["time"], abs=1800)
    assert [ran.json[name] for name in ("begin", "end", "step_seconds", "samples")] == [
        plain[name] for name in ("begin", "end", "step_seconds", "samples")
    ]


def test_a_series_of_one_sample_passes(tmp_path: Path) -> None:
    for words in (dump([*rising(ticks(1)), *limits(ticks(1))]), answer(rising(ticks(1)))):
        found = fleetleak("backtest", written(tmp_path, words), "--json", "--limit", "1GiB").json
        assert (found["samples"], found["instances"], found["series_days"]) == (1, 1, 0)


@pytest.mark.parametrize("wrong", [0, 100 * 86_400, BEGIN * 1e6, 1e300])
@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_clock_makes_no_long_time(tmp_path: Path, form: str, wrong: float) -> None:
    notes = Notes()
    every = read(written(tmp_path, FORMS[form]([*rising([wrong]), *rising(ticks(30))])), notes=notes)
    assert Files(every, None, [], None).whole.steps == 30
    assert f"{NO_TIME}: 1 " in notes.reasons()


def test_several_files_have_one_name(tmp_path: Path) -> None:
    names: Sequence[str] = [
        written(tmp_path, dump(rising(ticks(6))), "a"), written(tmp_path, dump(limits(ticks(6))), "b"),
    ]  # fmt: skip
    assert fleetleak("backtest", *names, "--json").json["source"] == "2 files"
    one = fleetleak("backtest", names[0], "--json", "--limit", "1GiB")
    assert one.json["source"] == names[0]


def test_where_nothing_can_be_judged_there_is_no_result(tmp_path: Path) -> None:
    """A script must not take it for the word that there is no leak."""
    ran = fleetleak("backtest", written(tmp_path, dump(rising(ticks(6)))), "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "nothing can be judged" in ran.err
    assert "--limit 4GiB" in ran.err


def test_bad_recordings_are_of_files(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="absent: No such file"):
        stored([str(tmp_path / "absent")], Notes())
