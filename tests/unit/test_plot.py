"""`fleetleak plot`: what is in the picture, in both formats, and failures that a person can act on."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from msgspec.structs import asdict
from msgspec.structs import replace as struct_replace

from fleetleak.records import Score
from fleetleak.settings import Settings
from fleetleak_app.cli import EXIT_USAGE, main, plot
from fleetleak_app.cli.plot import series_of, shown_score
from fleetleak_app.evaluation import synthetic
from fleetleak_app.reading import read
from fleetleak_app.replay import draw
from fleetleak_app.replay.draw import PlottedSeries as Series

ROOT = Path(__file__).parents[2]
GIB = 2**30
DAY_SECONDS = 86400.0
START = 1_790_000_000
LEAK, CLEAN = "leak-linear-2h", "clean-warm-up"
WITHOUT = """
import sys
sys.modules["matplotlib"] = None
from fleetleak_app.cli import main
sys.exit(main(["plot", "recorded.csv"]))
"""


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    rows = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def recorded(directory: Path, scenario: str, every: int = 1) -> str:
    """Write one in `every` snapshots of a scenario."""
    snapshots = islice(synthetic.snapshots(synthetic.SCENARIOS[scenario]), None, None, every)
    return write(directory / f"{scenario}.csv", map(asdict, snapshots))


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> str:
    return recorded(tmp_path_factory.mktemp("leak"), LEAK, every=2)


@pytest.fixture(scope="module")
def leak(leaking: str) -> Series:
    return replayed(leaking)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Series:
    return replayed(recorded(tmp_path_factory.mktemp("clean"), CLEAN, every=4))


@pytest.fixture
def _replayed_already(leak: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command draw the series that was replayed once for all tests."""
    monkeypatch.setattr(plot, "series_of", lambda *_: leak)


def replayed(file: str) -> Series:
    recording = read([file])
    return series_of(recording, recording, Settings())


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """Return a recording of two services, one of them with seven instances."""
    one = {"timestamp": START, "used": GIB, "total": 2 * GIB}
    rows = [{"service": "many", "instance": f"i{n}"} | one for n in range(7)]
    return write(tmp_path / "tiny.csv", [*rows, {"service": "one", "instance": "only"} | one])


def drawn(series: Series, moment: Score) -> Axes:
    return draw.picture(series, moment).axes[0]


def lines(axes: Axes, label: str) -> list[Line2D]:
    return [line for line in axes.lines if line.get_label() == label]


def points(line: Line2D) -> tuple[list[float], list[float]]:
    """Return unix seconds and GiB of a line."""
    x, y = np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)
    return (x * DAY_SECONDS).tolist(), y.tolist()


def verticals(axes: Axes, color: str) -> list[float]:
    """Return the unix seconds of vertical lines."""
    found = [points(line) for line in axes.lines if line.get_color() == color]
    return [x[0] for x, y in found if y == [0, 1] and x[0] == x[1]]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_a_leak_is_drawn_as_its_first_alert_knew_it(leak: Series) -> None:
    moment = shown_score(leak, None)
    assert moment.time == leak.alerts[0].time
    axes = drawn(leak, moment)
    assert axes.get_title("left") == f"{LEAK}: linear, confidence {moment.confidence:.2f}"
    assert f"firing: {leak.alerts[0].summary}" in texts(axes)
    assert "memory.max 2.0 GiB" in texts(axes)


def test_memory_and_what_the_limit_counts_are_drawn_whole(leak: Series) -> None:
    axes = drawn(leak, shown_score(leak, None))
    for label, levels in (("memory", leak.memory), ("counted by the limit", leak.counted)):
        times, shown = points(lines(axes, label)[0])
        assert times == pytest.approx(leak.times, abs=1e-3)
        assert shown == pytest.approx([x / GIB for x in levels])


def test_the_limit_is_a_dashed_line_over_the_whole_picture(leak: Series) -> None:
    axes = drawn(leak, shown_score(leak, None))
    times, levels = points(next(x for x in axes.lines if x.get_drawstyle() == "steps-post"))
    assert set(levels) == {2.0}
    assert (times[0], times[-1]) == pytest.approx([x * DAY_SECONDS for x in axes.get_xlim()])


def test_the_fit_has_the_trend_s_slope_and_window(leak: Series) -> None:
    moment = shown_score(leak, None)
    assert moment.trend is not None
    assert moment.onset is not None
    axes = drawn(leak, moment)
    (begin, end), (low, high) = points(lines(axes, "fit")[0])
    assert begin == pytest.approx(moment.onset, abs=1e-3)
    assert end - begin == pytest.approx(moment.trend.window, abs=1e-3)
    assert (high - low) * GIB == pytest.approx(moment.trend.growth * moment.trend.window, rel=1e-6)
    # It lies on the memory it was fitted to.
    memory = np.interp([begin, end], leak.times, leak.memory) / GIB
    assert [low, high] == pytest.approx(memory.tolist(), abs=0.05)
    assert points(lines(axes, "onset")[0])[0] == pytest.approx([moment.onset] * 2, abs=1e-3)


def test_the_forecast_is_a_bar_on_the_limit(leak: Series) -> None:
    moment = shown_score(leak, None)
    forecast = moment.forecast
    assert forecast is not None
    axes = drawn(leak, moment)
    times, levels = points(lines(axes, "limit reached, p10 to p90")[0])
    assert times == pytest.approx([forecast.eta_low, forecast.eta_high], abs=1e-3)
    assert levels == [2.0, 2.0]
    times, levels = points(lines(axes, "limit reached, p50")[0])
    assert times == pytest.approx([forecast.eta], abs=1e-3)
    assert levels == [2.0]


def test_the_band_opens_from_the_fit_up_to_the_limit(leak: Series) -> None:
    axes = drawn(leak, shown_score(leak, None))
    band = axes.collections[0].get_paths()[0].vertices
    _, (_, high) = points(lines(axes, "fit")[0])
    assert np.asarray(band)[:, 1].max() == pytest.approx(2.0)
    assert np.asarray(band)[:, 1].min() == pytest.approx(high, abs=0.05)


def test_alerts_restarts_and_drift_stand_at_their_times(leak: Series) -> None:
    drifting = [struct_replace(score, drift=["adwin"]) for score in leak.scores[40:42]]
    leak = replace(leak, scores=[*leak.scores[:40], *drifting, *leak.scores[42:]])
    ended = struct_replace(leak.alerts[-1], state="resolved", time=leak.scores[-1].time)
    leak = replace(leak, alerts=[*leak.alerts, ended])
    axes = drawn(leak, shown_score(leak, None))
    states = {alert.state for alert in leak.alerts}
    assert states == {"firing", "updated", "resolved"}
    for state in states:
        times = [alert.time for alert in leak.alerts if alert.state == state]
        assert verticals(axes, str(lines(axes, state)[0].get_color())) == pytest.approx(times, abs=1e-3)
    restarts = [score.time for score in leak.scores[1:] if score.restarted]
    assert restarts
    assert points(lines(axes, "restart")[0])[0] == pytest.approx(restarts, abs=1e-3)
    drifts = [score.time for score in leak.scores[1:] if score.drift]
    assert len(drifts) >= 2
    assert points(lines(axes, "drift")[0])[0] == pytest.approx(drifts, abs=1e-3)


def test_a_clean_series_has_no_alert_and_no_red(clean: Series) -> None:
    moment = shown_score(clean, None)
    assert moment is [score for score in clean.scores if score.trend is not None][-1]
    axes = drawn(clean, moment)
    assert "no alert so far" in texts(axes)
    assert not lines(axes, "firing")
    assert {lines(axes, name)[0].get_color() for name in ("fit", "onset")} == {"#333333"}


def test_a_limit_far_above_is_told_in_words(leak: Series) -> None:
    far = replace(leak, limit=[4 * limit for limit in leak.limit])
    axes = drawn(far, leak.scores[-1])
    assert "memory.max 8.0 GiB, above this picture" in texts(axes)
    assert max(leak.counted) / GIB < axes.get_ylim()[1] < 8.0


def test_another_moment_can_be_chosen(leak: Series) -> None:
    fired = leak.alerts[0].time
    assert shown_score(leak, fired - 1.0).time < fired
    assert shown_score(leak, float("inf")) is leak.scores[-1]
    assert "no alert so far" in texts(drawn(leak, shown_score(leak, fired - 1.0)))
    assert f"updated: {leak.alerts[-1].summary}" in texts(drawn(leak, leak.scores[-1]))


def test_no_line_is_drawn_where_samples_are_missing(leak: Series) -> None:
    kept = [n for n in range(len(leak.times)) if not 100 <= n < 150]
    holed = replace(
        leak,
        times=[leak.times[n] for n in kept],
        memory=[leak.memory[n] for n in kept],
        counted=[leak.counted[n] for n in kept],
        limit=[leak.limit[n] for n in kept],
    )
    times, levels = points(lines(drawn(holed, leak.scores[-1]), "memory")[0])
    assert np.flatnonzero(np.isnan(times)).tolist() == np.flatnonzero(np.isnan(levels)).tolist() == [100]


def test_names_and_summaries_are_shown_as_they_are(leak: Series, tmp_path: Path) -> None:
    moment = shown_score(leak, None)
    odd = type(moment)(**asdict(moment) | {"service": "pay$^{$<&" + "x" * 200})
    draw.save(draw.picture(leak, odd), tmp_path / "odd.svg")
    text = (tmp_path / "odd.svg").read_text()
    assert "pay$^{$&lt;&amp;xxx" in text
    assert "x…<" in text


def test_an_svg_holds_its_words_and_is_the_same_again(leaking: str, leak: Series, tmp_path: Path) -> None:
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    assert main(["plot", leaking, "--out", str(first)]) == 0
    draw.save(draw.picture(leak, shown_score(leak, None)), second)
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text()
    words = (f"{LEAK}: linear", "memory.max 2.0 GiB", "limit reached, p50", "onset", "firing", ">UTC<")
    assert [word for word in words if word not in text] == []
    assert "<dc:date>" not in text


@pytest.mark.usefixtures("_replayed_already")
def test_a_png_is_written_where_asked(
    leaking: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "leak.png"
    assert main(["plot", leaking, "--service", LEAK, "--at", "end", "--out", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    head = file.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == (1200, 600)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "there are 2 services: choose with --service from many, one"),
        (("--service", "two"), "there is no service two: choose with --service from many, one"),
        (
            ("--service", "many"),
            "there are 7 instances: choose with --instance from i0, i1, i2, i3, i4 and 2 more",
        ),
        (
            ("--service", "one", "--instance", "i0"),
            "there is no instance i0: choose with --instance from only",
        ),
        (
            ("--service", "one"),
            "fewer than 2 snapshots have memory and a limit or total:"
            " name their columns with --columns used=COLUMN,total=COLUMN, or give --limit 4GiB",
        ),
        (("--columns", "moon=used"), "--columns names moon"),
    ],
)
def test_a_wrong_choice_is_told_in_one_line(
    tiny: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert main(["plot", tiny, *words]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"fleetleak: {told}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--out", "leak.pdf"), "--out leak.pdf: give a name that ends in .png or .svg"),
        (("--out", "/nowhere/leak.png"), "/nowhere/leak.png cannot be written: No such file or directory"),
        (("--at", "1"), "--at 1 is before the first snapshot, of 1749427200"),
    ],
)
@pytest.mark.usefixtures("_replayed_already")
def test_what_cannot_be_drawn_is_told_in_one_line(
    leaking: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert main(["plot", leaking, *words]) == 1
    assert capsys.readouterr().err == f"fleetleak: {told}\n"


@pytest.mark.parametrize("at", ["soon", "nan"])
def test_a_time_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str], at: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plot", "recorded.csv", "--at", at])
    assert ended.value.code == EXIT_USAGE
    assert f"'{at}'" in capsys.readouterr().err


def test_a_missing_extra_is_named_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "pip install '.[plot]'" in done.stderr


def test_the_files_and_options_of_a_replay_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "grafana.csv", tmp_path / "app.svg"
    rows = [
        f"2026-09-21 {n // 60:02}:{n % 60:02}:00;{1 + n / 100:.2f} GiB".replace(".", ",") for n in range(90)
    ]
    file.write_text("\n".join(["Time;app", *rows]), encoding="utf-16")
    assert main(["plot", str(file), "--out", str(out)]) == 1
    assert "no row has a limit or total: give --limit 4GiB" in capsys.readouterr().err.splitlines()[-1]
    assert main(["plot", str(file), "--limit", "4GiB", "--out", str(out)]) == 0
    assert "limit 4.0 GiB" in out.read_text()
