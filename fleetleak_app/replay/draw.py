"""One recorded series as a picture: its memory, its limit, and its scores and alerts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fleetleak.records import Alert, Forecast, Score, Trend

# The colours of Okabe and Ito: colour-blind people can tell them apart.
_BLUE, _RED, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7"
_INK, _GREY = "#333333", "#999999"
_ALERTS = {"firing": (_RED, "-", 1.6), "updated": (_ORANGE, "-", 0.9), "resolved": (_GREEN, "-.", 1.6)}
_STYLE: Any = {
    "font.size": 9.5,
    "axes.edgecolor": _GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # A dollar sign in the name of a service is not mathematics.
    "text.parse_math": False,
    # Text stays text, and the same picture has the same bytes.
    "svg.fonttype": "none",
    "svg.hashsalt": "fleetleak",
}
_INCHES, _DOTS_PER_INCH = (12.0, 6.0), 100
_LONGEST_LINE = 150
_ONE_ROW = 7  # labels of the legend that fit in one row
_DAY_SECONDS = 86400.0
_MIB, _GIB = 2**20, 2**30
# Share of the height between the lowest memory and the limit that stays free below and above.
_MARGIN = 0.08
# Below this share of the limit, without a visible forecast, the limit is left out; then the height, as a
# multiple of the highest memory.
_NEAR, _ABOVE = 0.5, 1.3
# Samples are missing where the step between two is this many times the usual one.
_GAP = 10.0
# With more alerts than this their lines are thin, because they would hide the memory.
_MANY = 20
# Below this confidence no alert uses a trend: it is not drawn in red.
_DOUBTED = 0.1
_BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PlottedSeries:
    """The recorded memory of one instance, with its scores and alerts.

    Parameters
    ----------
    times
        Unix seconds, ascending.
    memory, counted, limit
        Bytes at `times`: what a leak grows, what counts against the limit, and the limit.
    """

    times: Sequence[float]
    memory: Sequence[float]
    counted: Sequence[float]
    limit: Sequence[float]
    limit_name: str
    scores: Sequence[Score]
    alerts: Sequence[Alert]


@matplotlib.rc_context(_STYLE)
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


@matplotlib.rc_context(_STYLE)
def save(figure: Figure, file: Path) -> None:
    """Write PNG or SVG, chosen by the end of the file's name."""
    metadata = {"Date": None} if file.suffix == ".svg" else None
    figure.savefig(file, metadata=metadata)


class _Drawing:
    """The drawing in one pair of axes: days on the x axis, memory in units of `unit` bytes on the y axis."""

    def __init__(self, axes: Axes, series: PlottedSeries, moment: Score) -> None:
        self._axes, self._series, self._moment = axes, series, moment
        self._unit, self._unit_name = (_GIB, "GiB") if series.limit[-1] >= _GIB else (_MIB, "MiB")
        self._times = np.array(series.times)
        self._memory, self._counted = np.array(series.memory), np.array(series.counted)
        self._end = _end(series, moment.forecast)
        self._bottom, self._top = self._height()
        self._color = _INK if moment.confidence < _DOUBTED else _RED

    def _height(self) -> tuple[float, float]:
        """Return the lowest and highest bytes to draw: up to the limit if memory or forecast come near it."""
        limit = max(self._series.limit)
        low = float(min(self._memory.min(), self._counted.min()))
        high = float(max(self._memory.max(), self._counted.max()))
        if 0.0 < high < _NEAR * limit and not self._in_sight(self._moment.forecast):
            return 0.0, _ABOVE * high
        margin = _MARGIN * (max(limit, high) - low)
        return max(low - margin, 0.0), max(limit, high) + margin

    def _in_sight(self, forecast: Forecast | None) -> bool:
        return forecast is not None and forecast.eta <= self._end

    def draw(self) -> None:
        """Draw everything; later parts cover earlier ones."""
        self._frame()
        self._draw_limit()
        self._draw_memory()
        if self._moment.trend is not None and self._moment.onset is not None:
            self._draw_trend(self._moment.trend, self._onset(self._moment.onset), self._moment.forecast)
        self._draw_alerts()
        self._draw_marks()

    def _frame(self) -> None:
        axes = self._axes
        axes.set_ylim(self._bottom / self._unit, self._top / self._unit)
        axes.set_xlim(_days(self._times[0]), _days(self._end))
        locator = AutoDateLocator(tz=UTC)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator, tz=UTC)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(formatter)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.set(xlabel="UTC", ylabel=f"memory, {self._unit_name}")
        axes.grid(axis="y", color=_GREY, alpha=0.25, linewidth=0.6)

    def _draw_limit(self) -> None:
        times, limit = [*self._series.times, self._end], [*self._series.limit, self._series.limit[-1]]
        self._line(times, limit, color=_INK, linestyle="--", linewidth=1.2, drawstyle="steps-post")
        above = limit[0] > self._top
        name = f"{self._series.limit_name} {limit[0] / self._unit:,.1f} {self._unit_name}"
        self._axes.annotate(
            f"{name}, above this picture" if above else name,
            (_days(times[0]), min(limit[0], self._top) / self._unit), (8, -14 if above else 5),
            textcoords="offset points", color=_INK, bbox=_BEHIND_TEXT,
        )  # fmt: skip

    def _draw_memory(self) -> None:
        if not np.array_equal(self._counted, self._memory):
            self._line(*self._broken(self._counted), color=_GREY, linewidth=0.8, label="counted by the limit")
        self._line(*self._broken(self._memory), color=_BLUE, linewidth=1.1, label="memory")

    def _broken(self, levels: Floats) -> tuple[Floats, Floats]:
        """Return times and levels with a gap where samples are missing, so that no line crosses it."""
        between = np.diff(self._times)
        gaps = np.flatnonzero(between > _GAP * np.median(between)) + 1
        return np.insert(self._times, gaps, np.nan), np.insert(levels, gaps, np.nan)

    def _draw_trend(self, trend: Trend, onset: float, forecast: Forecast | None) -> None:
        # The fit ends before the moment: the newest samples are fitted only when their stretch is complete.
        end = self._moment.time if trend.end is None else trend.end
        window = np.array([end - trend.window, end])
        level = self._level(trend, end)
        fitted = level + trend.growth * (window - window[1])
        self._line(window, fitted, color=self._color, linewidth=2.0, zorder=3, label="fit")
        if forecast is not None:
            self._draw_band(trend, float(window[1]), level, forecast)
        if forecast is not None and self._in_sight(forecast):
            self._draw_forecast(forecast)
        self._axes.axvline(_days(onset), color=_INK, linestyle=":", linewidth=1.4, label="onset")

    def _onset(self, onset: float) -> float:
        """Return when the growth began: by the firing alert, or else by the score."""
        alerts = [alert for alert in self._series.alerts if alert.time <= self._moment.time]
        firing = alerts[-1] if alerts and alerts[-1].state != "resolved" else None
        return onset if firing is None or firing.onset is None else firing.onset

    def _level(self, trend: Trend, end: float) -> float:
        """Return the level at the end of the fit; half of the fitted samples lie above the line."""
        fitted = (self._times >= end - trend.window) & (self._times <= end)
        return float(np.median(self._memory[fitted] - trend.growth * (self._times[fitted] - end)))

    def _draw_band(self, trend: Trend, end: float, level: float, forecast: Forecast) -> None:
        """Draw the growth from the end of the fit to the limit, starting at what counts against the limit."""
        at = min(int(np.searchsorted(self._times, end)), len(self._times) - 1)
        begin = level + self._counted[at] - self._memory[at]
        ahead = np.linspace(0.0, self._end - end, 400)
        low, middle, high = (
            np.minimum(begin + growth * ahead, forecast.limit)
            for growth in (trend.growth_low, trend.growth, trend.growth_high)
        )
        times, rising = end + ahead, middle < forecast.limit
        self._axes.fill_between(
            _days(times), low / self._unit, high / self._unit, color=self._color, alpha=0.16, linewidth=0,
            label="growth, 80 % interval",
        )  # fmt: skip
        self._line(times[rising], middle[rising], color=self._color, linewidth=1.0, linestyle="--")

    def _draw_forecast(self, forecast: Forecast) -> None:
        self._line(
            [forecast.eta_low, forecast.eta_high], [forecast.limit] * 2, color=self._color, alpha=0.55,
            linewidth=6, solid_capstyle="butt", label="limit reached, p10 to p90",
        )  # fmt: skip
        self._line(
            [forecast.eta], [forecast.limit], color=self._color, linestyle="none", marker="D", markersize=7,
            markeredgecolor="white", zorder=4, label="limit reached, p50",
        )  # fmt: skip

    def _draw_alerts(self) -> None:
        thin = 0.3 if len(self._series.alerts) > _MANY else 1.0
        for state, (color, style, width) in _ALERTS.items():
            times = [_days(alert.time) for alert in self._series.alerts if alert.state == state]
            for number, time in enumerate(times):
                self._axes.axvline(
                    time, color=color, linestyle=style, linewidth=thin * width, zorder=1.5,
                    label=None if number else state,
                )  # fmt: skip

    def _draw_marks(self) -> None:
        # The first score is no restart.
        scores = self._series.scores[1:]
        self._mark([s.time for s in scores if s.restarted], "^", _INK, "restart")
        self._mark([s.time for s in scores if s.drift], "|", _PURPLE, "drift")

    def _mark(self, times: list[float], marker: str, color: str, label: str) -> None:
        """Put marks on the lower edge."""
        if times:
            edge = [0.02] * len(times)
            self._axes.plot(
                _days(np.array(times)), edge, transform=self._axes.get_xaxis_transform(), linestyle="none",
                marker=marker, markersize=6, color=color, label=label,
            )  # fmt: skip

    def _line(self, times: Any, levels: Any, **looks: Any) -> None:
        self._axes.plot(_days(np.asarray(times)), np.asarray(levels) / self._unit, **looks)


def _days(times: Any) -> Any:
    return times / _DAY_SECONDS


def _end(series: PlottedSeries, forecast: Forecast | None) -> float:
    """Return the time at which the picture ends.

    It shows the forecast if that leaves at least half of the picture for the recording.
    """
    begin, last = series.times[0], series.times[-1]
    farthest = 2 * last - begin
    if forecast is None or forecast.eta > farthest:
        return last
    return max(last, min(last + 1.05 * (forecast.eta_high - last), farthest))


def _entitle(axes: Axes, series: PlottedSeries, moment: Score) -> None:
    head = f"{moment.service}: {moment.kind}, confidence {moment.confidence:.2f}"
    axes.set_title(_short(head), loc="left", weight="bold", pad=22)
    alerts = [f"{alert.state}: {alert.summary}" for alert in series.alerts if alert.time <= moment.time]
    line = _short(alerts[-1] if alerts else "no alert so far")
    axes.annotate(line, (0, 1), (0, 8), "axes fraction", "offset points", color=_INK, size="small")


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
