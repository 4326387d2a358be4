"""The picture of an alert: small, the same again, and right for every alert that a record can hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from msgspec.structs import replace

from fleetleak.records import Alert, Forecast, Trend
from fleetleak.records.alert import History
from sinks import picture
from sinks.picture.axes import grown
from sinks.picture.words import Row, among_latin, clean, shortened, width

ROOT = Path(__file__).parents[2]
GIB, MIB = 2**30, 2**20
HOUR, DAY = 3600.0, 86400.0
NOW = 1_790_013_260.0
ONSET = NOW - 4 * HOUR
GROWTH = 100 * MIB / HOUR
LARGEST = 40_000
TEXT = "{http://www.w3.org/2000/svg}text"


def trend(**fields: Any) -> Trend:
    usual: dict[str, Any] = {
        "growth": GROWTH, "growth_low": 0.9 * GROWTH, "growth_high": 1.1 * GROWTH, "window": 4 * HOUR,
        "end": NOW, "rise": 400.0 * MIB, "level": 1400.0 * MIB, "strength": 0.9,
    }  # fmt: skip
    return Trend(**usual | fields)


def forecast(**fields: Any) -> Forecast:
    usual: dict[str, Any] = {
        "eta": NOW + 6 * HOUR, "eta_low": NOW + 5 * HOUR, "eta_high": NOW + 7 * HOUR, "limit": 2 * GIB,
        "limit_name": "memory.max", "limit_used": 1448 * MIB,
    }  # fmt: skip
    return Forecast(**usual | fields)


def history(points: int = 64, span: float = 12 * HOUR, **fields: Any) -> History:
    """Return a history that ends at NOW and grows from the onset on."""
    times = [NOW - span + span * n / (points - 1) for n in range(points)]
    memory = [int(1000 * MIB + max(0.0, time - ONSET) * GROWTH) for time in times]
    usual: dict[str, Any] = {"times": times, "memory": memory}
    return History(**usual | fields)


def alert(**fields: Any) -> Alert:
    usual: dict[str, Any] = {
        "key": "checkout@1", "state": "firing", "service": "checkout", "instance": "checkout-1", "time": NOW,
        "since": NOW - HOUR, "severity": "high", "kind": "linear", "confidence": 0.9, "summary": "",
        "onset": ONSET, "recommendation": "", "memory": 1400 * MIB, "limit": 2 * GIB,
        "limit_name": "memory.max", "trend": trend(), "forecast": forecast(), "history": history(),
        "version": "2.1",
    }  # fmt: skip
    return Alert(**usual | fields)


def eight(begin: float = NOW - 11 * HOUR) -> list[float]:
    return [begin + n * 1.3 * HOUR for n in range(8)]


def strange(name: str) -> Alert:
    """Return an alert whose every name is long and strange."""
    limited = forecast(limit_name=name)
    return alert(
        service=name, version=name, suspect=name, limit_name=name, forecast=limited, reopened=2,
        history=history(restarts=eight(), deploys=eight(NOW - 10.7 * HOUR)),
    )  # fmt: skip


def zigzag(**fields: Any) -> History:
    memory = [(n * 7919 % 64) * 32 * MIB for n in range(64)]
    return history(memory=memory, restarts=eight(), deploys=eight(NOW - 10.5 * HOUR), **fields)


ODD: dict[str, Callable[[], Alert]] = {
    "wide names": lambda: strange("W" * 256),
    "quotes": lambda: strange("\"'<&>]]>" * 32),
    "dollars": lambda: strange("$\\frac{1}{0}$^" * 18),
    "emoji": lambda: strange("\U0001f4a9\U0001f468\u200d\U0001f4bb" * 64),
    "lines": lambda: strange("a\nb\r\n\tc\x00\x1b[31m" * 20),
    "right to left": lambda: strange("\u202e\u062e\u062f\u0645\u0629 \u05e9\u05dc\u05d5\u05dd" * 20),
    "other scripts": lambda: strange("\u652f\u4ed8\u670d\u52a1e\u0301\u0e04" * 30),
    "only control signs": lambda: strange("\u200b\x07\n"),
    "zigzag": lambda: alert(history=zigzag()),
    "one time": lambda: alert(history=history(times=[NOW] * 64)),
    "two times": lambda: alert(history=history(times=[NOW - 1] * 32 + [NOW] * 32), onset=NOW, since=NOW),
    "three points": lambda: alert(history=history(points=3)),
    "no memory": lambda: alert(history=history(memory=[0] * 64), memory=0),
    "no memory and no limit": lambda: alert(
        history=history(memory=[0] * 64), limit=None, limit_name=None, forecast=None
    ),
    "no interval": lambda: alert(
        forecast=forecast(eta_low=NOW + 6 * HOUR, eta_high=NOW + 6 * HOUR),
        trend=trend(growth_low=GROWTH, growth_high=GROWTH),
    ),
    "no trend": lambda: alert(trend=None),
    "no trend and no forecast": lambda: alert(trend=None, forecast=None),
    "no forecast": lambda: alert(forecast=None),
    "no onset": lambda: alert(onset=None),
    "no end of the fit": lambda: alert(trend=trend(end=None)),
    "no limit": lambda: alert(limit=None, limit_name=None, forecast=None),
    "no name of the limit": lambda: alert(limit_name=None, forecast=None),
    "resolved": lambda: alert(state="resolved", forecast=None, kind="stable", closed_by="it stopped"),
    "stale": lambda: alert(state="stale", time=NOW + DAY),
    "limit below memory": lambda: alert(limit=GIB, forecast=forecast(limit=GIB)),
    "limit of nothing": lambda: alert(limit=0, forecast=forecast(limit=0, limit_used=0)),
    "limit far above": lambda: alert(limit=2**60, forecast=None),
    "most memory": lambda: alert(
        limit=2**60, forecast=forecast(limit=2**60), history=history(memory=[2**60 - n for n in range(64)])
    ),
    "a few bytes": lambda: alert(limit=1000, forecast=None, history=history(memory=list(range(64)))),
    "since the beginning of time": lambda: alert(
        history=history(times=[n * 1e11 / 63 for n in range(64)], restarts=[0.0], deploys=[1e11]),
        time=1e11, since=0.0, onset=0.0, forecast=forecast(eta=1e11, eta_low=0.0, eta_high=1e11),
    ),
    "times far apart": lambda: alert(
        history=history(times=[0.0, NOW / 2, NOW - HOUR, NOW], memory=[1, 2, 3, 4])
    ),
    "everything before the history": lambda: alert(
        since=1.0, onset=1.0, trend=trend(end=2.0, window=1.0),
        forecast=forecast(eta=3.0, eta_low=1.0, eta_high=4.0),
    ),
    "growth beyond measure": lambda: alert(
        trend=trend(growth=1e18, growth_low=-1e18, growth_high=1e18, window=1e12)
    ),
    "falling": lambda: alert(trend=trend(growth=-GROWTH, growth_low=-2 * GROWTH, growth_high=-0.5 * GROWTH)),
    "fewer levels than times": lambda: alert(history=history(memory=[GIB] * 60)),
}  # fmt: skip


def words(one: Alert) -> list[str]:
    """Return the words of the picture."""
    svg = picture.svg(one)
    assert svg is not None
    return texts(svg)


def texts(svg: bytes) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(TEXT)]  # noqa: S314


@pytest.mark.parametrize("name", ODD)
def test_every_alert_has_two_small_pictures(name: str) -> None:
    one = ODD[name]()
    png, svg = picture.png(one), picture.svg(one)
    assert png is not None
    assert svg is not None
    assert (len(png) < LARGEST, len(svg) < LARGEST) == (True, True), (len(png), len(svg))
    assert png.startswith(b"\x89PNG")
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (1200, 520)
    assert any(text.endswith("UTC") for text in texts(svg))
    assert (picture.png(one), picture.svg(one)) == (png, svg)


@pytest.mark.parametrize(
    "without", [None, history(times=[], memory=[]), history(memory=[1, 2]), history(points=2)]
)
def test_there_is_no_picture_without_a_history(without: History | None) -> None:
    one = alert(history=without)
    assert (picture.png(one), picture.svg(one)) == (None, None)


def test_threads_draw_the_same_bytes() -> None:
    alerts = [ODD[name]() for name in ("zigzag", "quotes", "resolved", "no limit")]
    alone = [(picture.png(one), picture.svg(one)) for one in alerts]
    with ThreadPoolExecutor(4) as threads:
        png, svg = (list(threads.map(draw, alerts * 3)) for draw in (picture.png, picture.svg))
    assert list(zip(png, svg, strict=True)) == alone * 3


def test_the_import_loads_no_matplotlib() -> None:
    program = "import sys, sinks.picture; print('matplotlib' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_a_picture_says_what_grows_and_how_fast() -> None:
    said = words(alert(history=history(deploys=[ONSET], restarts=[NOW - 6 * HOUR])))
    assert "checkout: linear growth, 100 MiB/h" in said
    assert {"memory.max 2 GiB", "onset", "alert", "deploy 2.1", "restart"} <= {*said}


def test_a_resolved_alert_is_over_and_forecasts_nothing() -> None:
    over = alert(state="resolved")
    assert "checkout: linear growth, 100 MiB/h, over" in words(over)
    assert picture.svg(over) == picture.svg(replace(over, forecast=None))


def test_a_kind_that_is_no_leak_is_not_called_growth() -> None:
    assert "checkout: stable, 100 MiB/h" in words(alert(kind="stable"))
    assert "checkout: seasonal" in words(alert(kind="seasonal", trend=None))


@pytest.mark.parametrize(("room", "middle"), [(100.0, 50.0), (1000.0, 140.9), (60.0, 38.2)])
def test_growth_reaches_the_limit_when_the_forecast_says(room: float, middle: float) -> None:
    half, whole = grown(np.array([5.0, 10.0]), 10.0, room, 10.0)
    assert whole == pytest.approx(room)
    assert half == pytest.approx(middle, abs=0.1)
    assert grown(np.array([1e-6]), 10.0, room, 10.0) == pytest.approx([1e-5], rel=1e-3)


def test_growth_ends_at_the_limit_to_the_last_bit() -> None:
    for room in np.linspace(1.0, 5e9, 200):
        assert grown(np.array([10.0, 11.0, 1e9]), 7.0, room, 10.0).tolist() == [room] * 3


def test_what_has_no_growth_room_or_time_stays_straight() -> None:
    ahead = np.array([2.0])
    assert [grown(ahead, *flat)[0] for flat in [(-1.0, 9.0, 9.0), (3.0, -1.0, 9.0), (3.0, 9.0, 0.0)]] == [
        -2,
        6,
        6,
    ]


def test_a_limit_far_above_is_told_in_words() -> None:
    assert "memory.max 8 GiB, above this picture" in words(alert(limit=8 * GIB, forecast=None))
    far = forecast(limit=8 * GIB, eta=NOW + 9 * DAY, eta_low=NOW + 8 * DAY, eta_high=NOW + 10 * DAY)
    assert "memory.max 8 GiB, above this picture" in words(alert(limit=8 * GIB, forecast=far))
    assert "memory.max 2 GiB" in words(alert(forecast=None))


def test_a_growth_that_is_short_beside_the_history_takes_half_of_what_is_past() -> None:
    long = history(span=30 * DAY, points=64)
    near = [NOW - 8 * HOUR + n * HOUR / 4 for n in range(33)]
    long.times[31:], long.memory[31:] = near, [GIB + n for n in range(33)]
    said = words(alert(history=long))
    assert {"12:00", "15:00"} <= {*said}
    assert not [word for word in said if word.startswith(("1 Sep", "30 Aug", "Aug"))]


def test_both_versions_are_named_where_two_deploys_are_known() -> None:
    deployed = history(deploys=[ONSET - 60, NOW - HOUR])
    said = words(alert(history=deployed, suspect="2.1", version="2.2"))
    assert {"deploy 2.1", "deploy 2.2"} <= {*said}


def test_a_suspect_that_was_deployed_before_the_history_is_not_named() -> None:
    said = words(alert(history=history(deploys=[NOW - HOUR]), suspect="2.1", version="2.2"))
    assert [word for word in said if word.startswith("deploy")] == ["deploy 2.2"]


def test_a_version_that_does_not_fit_is_left_out() -> None:
    said = words(alert(history=history(deploys=[ONSET]), version="v" * 200))
    assert [word for word in said if "v" in word and "deploy" not in word] == []
    assert "deploy" in said


def test_a_restart_by_a_deploy_has_one_mark() -> None:
    both, deploy = (history(deploys=[ONSET], restarts=restarts) for restarts in ([ONSET], []))
    assert "restart" not in words(alert(history=both))
    assert picture.svg(alert(history=both)) == picture.svg(alert(history=deploy))


def test_what_lies_outside_the_picture_has_no_mark() -> None:
    outside = history(restarts=[NOW - 9 * DAY], deploys=[NOW - 10 * DAY])
    assert picture.svg(alert(history=outside)) == picture.svg(alert())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pay", "pay"),
        ("a\n b\t\tc ", "a b c"),
        ("\u202eabc\u200b\x00", "abc"),
        ("pay$\U0001fae0", "pay$\u25a1"),
        ("\u0440\u043e\u0441\u0442 \u03b1 \u0645", "\u0440\u043e\u0441\u0442 \u03b1 \u0645"),
    ],
)
def test_signs_that_cannot_be_drawn_are_replaced(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_a_name_that_runs_left_keeps_the_words_beside_it_in_place() -> None:
    assert among_latin("\u05e9\u05dc") == "\u200e\u05e9\u05dc\u200e"
    assert among_latin("pay \u03b1") == "pay \u03b1"
    one = alert(service="\u05e9\u05dc", limit_name="\u0645", forecast=None)
    said = {"\u200e\u05e9\u05dc\u200e: linear growth, 100 MiB/h", "\u200e\u0645\u200e 2 GiB"}
    assert said <= {*words(one)}


@pytest.mark.parametrize("most", [-5.0, 10.0, 30.0, 100.0])
def test_a_long_text_is_cut_to_its_width(most: float) -> None:
    cut = shortened("checkout " * 20, most, 9.0)
    assert cut.endswith("…")
    assert width(cut, 9.0) <= most or cut == "…"
    assert shortened("ok", 30.0, 9.0) == "ok"


def test_words_in_a_row_do_not_overlap() -> None:
    row, word = Row(0.0, 200.0, 9.0), width("deploy", 9.0)
    assert row.put(100.0, ["deploy"], ("left", "right"), 5.0) == ("deploy", "left")
    assert row.put(104.0, ["deploy"], ("left", "right"), 5.0) == ("deploy", "right")
    assert row.put(102.0, ["deploy"], ("left", "right"), 5.0) is None
    assert row.put(199.0, ["deploy"], ("left",), 5.0) is None
    row.take(150.0, 160.0)
    assert row.put(165.0 - word, ["deploy", "d"], ("left",), 0.0) is None
    assert row.put(161.0, ["deploy " * 9, "d"], ("left",), 0.0) == ("d", "left")


@pytest.mark.parametrize("seconds", [180.0 * 1.27**power for power in range(0, 45, 4)])
@pytest.mark.parametrize("ahead", [0.2, 1.0, 4.0])
def test_every_length_of_time_has_its_ticks(seconds: float, ahead: float) -> None:
    """The tests take a warning of matplotlib for an error: it says so where no interval fits."""
    times = [1.79e9 + seconds * n / 63 for n in range(64)]
    one = replace(
        alert(), history=History(times=times, memory=[n * 2**20 for n in range(1, 65)]), time=times[-1],
        onset=times[20], since=times[40],
        forecast=Forecast(
            eta=times[-1] + seconds * ahead, eta_low=times[-1] + 0.7 * seconds * ahead,
            eta_high=times[-1] + 1.3 * seconds * ahead, limit=2**27, limit_name="memory.max",
            limit_used=2**26,
        ),
    )  # fmt: skip
    assert picture.svg(one)
