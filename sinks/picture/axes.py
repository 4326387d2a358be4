"""Memory over time in one pair of axes: what every picture of memory shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from numpy.typing import NDArray

from fleetleak.records import Forecast, Trend

# The colours of Okabe and Ito: colour-blind people can tell them apart.
BLUE, RED, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7"
INK, GREY = "#333333", "#999999"
STYLE: Any = {
    "font.size": 9.5,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # A dollar sign in the name of a service is not mathematics.
    "text.parse_math": False,
    # Text stays text, and the same picture has the same bytes.
    "svg.fonttype": "none",
    "svg.hashsalt": "fleetleak",
}
BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}
_DAY_SECONDS = 86400.0
# Share of the height between the lowest memory and the limit that stays free below and above.
_MARGIN = 0.08
# Below this share of the limit, without a visible forecast, the limit is left out; then the height, as a
# multiple of the highest memory.
_NEAR, _ABOVE = 0.5, 1.3
# The logarithm of how many times faster growth may be at the limit; not symmetric, so that none is 0.
_BENT, _HALVINGS = (-30.0, 31.0), 50

Floats = NDArray[np.float64]


def days(times: Any) -> Any:
    """Return unix seconds as days, the unit of the x axis."""
    return times / _DAY_SECONDS


def end_of(begin: float, last: float, forecast: Forecast | None) -> float:
    """Return the time at which a picture of a recording from `begin` to `last` ends, in unix seconds.

    It shows the forecast if that leaves at least half of the picture for the recording.
    """
    farthest = 2 * last - begin
    if forecast is None or forecast.eta > farthest:
        return last
    return max(last, min(last + 1.05 * (forecast.eta_high - last), farthest))


def in_sight(forecast: Forecast | None, end: float) -> bool:
    """Return whether the p50 of a forecast lies in a picture that ends at `end`."""
    return forecast is not None and forecast.eta <= end


def height_of(low: float, high: float, limit: float, forecast_visible: bool) -> tuple[float, float]:
    """Return the lowest and highest bytes to draw: up to the limit if memory or forecast come near it."""
    if 0.0 < high < _NEAR * limit and not forecast_visible:
        return 0.0, _ABOVE * high
    margin = _MARGIN * (max(limit, high) - low)
    return max(low - margin, 0.0), max(limit, high) + margin


def level_at(end: float, times: Floats, memory: Floats, trend: Trend) -> float:
    """Return the level of a fit at its end, in bytes; half of the fitted samples lie above the line."""
    fitted = (times >= end - trend.window) & (times <= end)
    if not fitted.any():
        return trend.level
    return float(np.median(memory[fitted] - trend.growth * (times[fitted] - end)))


def grown(ahead: Floats, growth: float, room: float, seconds: float) -> Floats:
    """Return bytes gained after `ahead` seconds: at first `growth` a second, and `room` from `seconds` on.

    The rate changes by the same share in every second. Without growth, room or time the line is straight.
    """
    if growth <= 0.0 or room <= 0.0 or seconds <= 0.0:
        return growth * ahead
    wanted = room / (growth * seconds)
    low, high = _BENT
    for _ in range(_HALVINGS):
        bend = (low + high) / 2
        low, high = (bend, high) if math.expm1(bend) / bend < wanted else (low, bend)
    gained = growth * seconds * np.expm1(bend * np.minimum(ahead / seconds, 1.0)) / bend
    return np.where(ahead >= seconds, room, gained)


class MemoryAxes:
    """Axes with days on the x axis, in UTC, and memory on the y axis.

    Parameters
    ----------
    begin, end
        Unix seconds at the left and right edge.
    bottom, top
        Bytes at the lower and upper edge.
    unit
        The bytes that are 1 on the y axis.
    color
        Of the fit, the band and the forecast.
    """

    def __init__(
        self, axes: Axes, *, begin: float, end: float, bottom: float, top: float, unit: float, color: str
    ) -> None:
        self.axes = axes
        self.begin, self.end = begin, end
        self.bottom, self.top = bottom, top
        self.unit, self.color = unit, color
        axes.set_ylim(bottom / unit, top / unit)
        axes.set_xlim(days(begin), days(end))
        axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)

    def time_ticks(self, *, least: int = 5, most: int | None = None, **formats: Sequence[str]) -> None:
        """Put times on the x axis; `formats` are those of matplotlib's `ConciseDateFormatter`."""
        locator = AutoDateLocator(tz=UTC, minticks=least, maxticks=most)  # type: ignore[no-untyped-call]
        self.axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator, tz=UTC, **formats)  # type: ignore[no-untyped-call]
        self.axes.xaxis.set_major_formatter(formatter)

    def line(self, times: Any, levels: Any, **looks: Any) -> None:
        """Draw bytes at unix seconds."""
        self.axes.plot(days(np.asarray(times)), np.asarray(levels) / self.unit, **looks)

    def limit(self, times: Sequence[float], limits: Sequence[float], name: str) -> None:
        """Draw the limit with its name; a limit above the picture is told at the upper edge."""
        self.line(times, limits, color=INK, linestyle="--", linewidth=1.2, drawstyle="steps-post")
        above = limits[0] > self.top
        self.axes.annotate(
            f"{name}, above this picture" if above else name,
            (days(times[0]), min(limits[0], self.top) / self.unit), (8, -14 if above else 5),
            textcoords="offset points", color=INK, bbox=BEHIND_TEXT,
        )  # fmt: skip

    def fit(self, trend: Trend, end: float, level: float, linewidth: float = 2.0) -> None:
        """Draw the fitted growth over its window, which ends at `end` with `level` bytes."""
        window = np.array([end - trend.window, end])
        fitted = level + trend.growth * (window - end)
        self.line(window, fitted, color=self.color, linewidth=linewidth, zorder=3, label="fit")

    def band(self, trend: Trend, forecast: Forecast, start: float, level: float, steps: int) -> None:
        """Draw the growth from `level` bytes at `start` up to the limit, with its interval.

        Each of the three lines reaches the limit when the forecast says, so an exponential one is bent.
        """
        ahead = np.linspace(0.0, self.end - start, steps)
        room = forecast.limit - level
        low, middle, high = (
            np.minimum(level + grown(ahead, growth, room, reached - start), forecast.limit)
            for growth, reached in (
                (trend.growth_low, forecast.eta_high),
                (trend.growth, forecast.eta),
                (trend.growth_high, forecast.eta_low),
            )
        )
        times, rising = start + ahead, middle < forecast.limit
        self.axes.fill_between(
            days(times), low / self.unit, high / self.unit, color=self.color, alpha=0.16, linewidth=0,
            label="growth, 80 % interval",
        )  # fmt: skip
        self.line(times[rising], middle[rising], color=self.color, linewidth=1.0, linestyle="--")

    def forecast(self, forecast: Forecast) -> None:
        """Draw when the limit is reached: a bar from p10 to p90 on the limit, and a mark at p50."""
        self.line(
            [forecast.eta_low, forecast.eta_high], [forecast.limit] * 2, color=self.color, alpha=0.55,
            linewidth=6, solid_capstyle="butt", label="limit reached, p10 to p90",
        )  # fmt: skip
        self.line(
            [forecast.eta], [forecast.limit], color=self.color, linestyle="none", marker="D", markersize=7,
            markeredgecolor="white", zorder=4, label="limit reached, p50",
        )  # fmt: skip

    def onset(self, time: float) -> None:
        """Draw when the growth began."""
        self.axes.axvline(days(time), color=INK, linestyle=":", linewidth=1.4, label="onset")

    def mark(self, times: Sequence[float], marker: str, color: str, label: str, height: float = 0.02) -> None:
        """Put marks at a share of the height."""
        if times:
            self.axes.plot(
                days(np.array(times)), [height] * len(times), transform=self.axes.get_xaxis_transform(),
                linestyle="none", marker=marker, markersize=6, color=color, label=label,
            )  # fmt: skip
