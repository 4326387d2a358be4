"""One recorded series as a picture: its memory, its limit, and its scores and alerts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fleetleak.records import Alert, Score, Trend
from sinks.picture.axes import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    STYLE,
    Floats,
    MemoryAxes,
    days,
    end_of,
    height_of,
    in_sight,
    level_at,
)

_ALERTS = {
    "firing": (RED, "-", 1.6), "updated": (ORANGE, "-", 0.9), "stale": (GREY, "-.", 1.2),
    "resolved": (GREEN, "-.", 1.6),
}  # fmt: skip
_INCHES, _DOTS_PER_INCH = (12.0, 6.0), 100
_LONGEST_LINE = 150
_ONE_ROW = 7  # labels of the legend that fit in one row
_MIB, _GIB = 2**20, 2**30
# Samples are missing where the step between two is this many times the usual one.
_GAP = 10.0
# With more alerts than this their lines are thin, because they would hide the memory.
_MANY = 20
# Below this confidence no alert uses a trend: it is not drawn in red.
_DOUBTED = 0.1
_STEPS = 400  # of the band


@dataclass(frozen=True)
class PlottedSeries:
    """The recorded memory of one instance, with its scores and alerts.

    Parameters
    ----------
    times
        Unix seconds, ascending.
    memory, counted, limit
        Bytes at `times`: what a leak grows, what counts against the limit, and the limit.
    longest_step
        Samples are missing where two are further apart, in seconds; None: ten times the usual step.
    """

    times: Sequence[float]
    memory: Sequence[float]
    counted: Sequence[float]
    limit: Sequence[float]
    limit_name: str
    scores: Sequence[Score]
    alerts: Sequence[Alert]
    longest_step: float | None = None


@matplotlib.rc_context(STYLE)
def picture(series: PlottedSeries, moment: Score) -> Figure:
    """Return a picture of a series, with what was known at the score `moment`."""
    figure = Figure(figsize=_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    _Drawing(axes, series, moment).draw()
    _entitle(axes, series, moment)
    labels = len(axes.get_legend_handles_labels()[1])
    columns = labels if labels <= _ONE_ROW else math.ceil(labels / 2)
    figure.legend(loc="outside lower center", ncols=columns, frameon=False, handlelength=1.6)
    return figure


@matplotlib.rc_context(STYLE)
def save(figure: Figure, file: Path) -> None:
    """Write PNG or SVG, chosen by the end of the file's name."""
    metadata = {"Date": None} if file.suffix == ".svg" else None
    figure.savefig(file, metadata=metadata)


@matplotlib.rc_context(STYLE)
def svg(figure: Figure) -> str:
    """Return an SVG as text, to be put into a page."""
    file = StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


class _Drawing:
    """The drawing in one pair of axes, in MiB or GiB."""

    def __init__(self, axes: Axes, series: PlottedSeries, moment: Score) -> None:
        self._series, self._moment = series, moment
        self._times = np.array(series.times)
        self._memory, self._counted = np.array(series.memory), np.array(series.counted)
        unit, self._unit_name = (_GIB, "GiB") if series.limit[-1] >= _GIB else (_MIB, "MiB")
        end = end_of(series.times[0], series.times[-1], moment.forecast)
        low = float(min(self._memory.min(), self._counted.min()))
        high = float(max(self._memory.max(), self._counted.max()))
        bottom, top = height_of(low, high, max(series.limit), in_sight(moment.forecast, end))
        self._on = MemoryAxes(
            axes, begin=series.times[0], end=end, bottom=bottom, top=top, unit=unit,
            color=INK if moment.confidence < _DOUBTED else RED,
        )  # fmt: skip

    def draw(self) -> None:
        """Draw everything; later parts cover earlier ones."""
        self._frame()
        self._draw_limit()
        self._draw_memory()
        if self._moment.trend is not None and self._moment.onset is not None:
            self._draw_trend(self._moment.trend, self._onset(self._moment.onset))
        self._draw_alerts()
        self._draw_marks()

    def _frame(self) -> None:
        self._on.time_ticks()
        self._on.axes.yaxis.set_major_locator(MaxNLocator(6))
        self._on.axes.set(xlabel="UTC", ylabel=f"memory, {self._unit_name}")

    def _draw_limit(self) -> None:
        limit = self._series.limit
        name = f"{self._series.limit_name} {limit[0] / self._on.unit:,.1f} {self._unit_name}"
        self._on.limit([*self._series.times, self._on.end], [*limit, limit[-1]], name)

    def _draw_memory(self) -> None:
        if not np.array_equal(self._counted, self._memory):
            looks = {"color": GREY, "linewidth": 0.8, "label": "counted by the limit"}
            self._on.line(*self._broken(self._counted), **looks)
        self._on.line(*self._broken(self._memory), color=BLUE, linewidth=1.1, label="memory")

    def _broken(self, levels: Floats) -> tuple[Floats, Floats]:
        """Return times and levels with a gap where samples are missing, so that no line crosses it."""
        between = np.diff(self._times)
        longest = self._series.longest_step or _GAP * np.median(between)
        gaps = np.flatnonzero(between > longest) + 1
        return np.insert(self._times, gaps, np.nan), np.insert(levels, gaps, np.nan)

    def _draw_trend(self, trend: Trend, onset: float) -> None:
        # The fit ends before the moment: the newest samples are fitted only when their stretch is complete.
        end = self._moment.time if trend.end is None else trend.end
        level = level_at(end, self._times, self._memory, trend)
        self._on.fit(trend, end, level)
        forecast = self._moment.forecast
        if forecast is not None:
            # It starts at what counts against the limit.
            at = min(int(np.searchsorted(self._times, end)), len(self._times) - 1)
            self._on.band(trend, forecast, end, level + self._counted[at] - self._memory[at], _STEPS)
            if in_sight(forecast, self._on.end):
                self._on.forecast(forecast)
        self._on.onset(onset)

    def _onset(self, onset: float) -> float:
        """Return when the growth began: by the firing alert, or else by the score."""
        alerts = [alert for alert in self._series.alerts if alert.time <= self._moment.time]
        firing = alerts[-1] if alerts and alerts[-1].state != "resolved" else None
        return onset if firing is None or firing.onset is None else firing.onset

    def _draw_alerts(self) -> None:
        thin = 0.3 if len(self._series.alerts) > _MANY else 1.0
        for state, (color, style, width) in _ALERTS.items():
            times = [days(alert.time) for alert in self._series.alerts if alert.state == state]
            for number, time in enumerate(times):
                self._on.axes.axvline(
                    time, color=color, linestyle=style, linewidth=thin * width, zorder=1.5,
                    label=None if number else state,
                )  # fmt: skip

    def _draw_marks(self) -> None:
        # The first score is no restart.
        scores = self._series.scores[1:]
        self._on.mark([s.time for s in scores if s.restarted], "^", INK, "restart")
        self._on.mark([s.time for s in scores if s.drift], "|", PURPLE, "drift")


def _entitle(axes: Axes, series: PlottedSeries, moment: Score) -> None:
    head = f"{moment.service}: {moment.kind}, confidence {moment.confidence:.2f}"
    axes.set_title(_short(head), loc="left", weight="bold", pad=22)
    alerts = [f"{alert.state}: {alert.summary}" for alert in series.alerts if alert.time <= moment.time]
    line = _short(alerts[-1] if alerts else "no alert so far")
    axes.annotate(line, (0, 1), (0, 8), "axes fraction", "offset points", color=INK, size="small")


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
