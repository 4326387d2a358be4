"""One alert as a small picture: its memory, limit, growth and forecast."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from fleetleak.records import LEAK_KINDS, Alert
from fleetleak.records.alert import History
from fleetleak.text import UNITS, rate, size
from sinks.picture.axes import (
    BEHIND_TEXT,
    BLUE,
    GREEN,
    GREY,
    INK,
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
from sinks.picture.words import FONT, Row, Side, among_latin, clean, shortened, width

_FONT_SIZE, _TITLE_SIZE = 9.0, 10.0
_STYLE: Any = STYLE | {
    "font.size": _FONT_SIZE,
    "font.family": ["sans-serif"],
    "font.sans-serif": [FONT],
}
# 600x260 pixels where 96 of them are an inch; a PNG has twice as many.
_WIDTH, _HEIGHT, _DOTS_PER_INCH = 450.0, 195.0, 192
_POINTS_PER_INCH = 72.0
# Points between the edges of the picture and the axes.
_LEFT, _RIGHT, _BOTTOM, _TOP = 56.0, 10.0, 30.0, 34.0
_AXES_WIDTH, _AXES_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _BOTTOM - _TOP
_EDGE = 6.0
# Points inside the axes, above and below the levels: for the limit's name and for the marks.
_HEAD, _LANE = 8.0, 13.0
_MARKS = {"restart": ("^", INK), "deploy": ("D", GREEN)}
_HALF_MARK = 5.0
_FIT_WIDTH = 3.6
_LONGEST_LIMIT = 0.4  # name of a limit, as a share of the axes
_LEAST_SECONDS = 60.0  # from the left to the right edge
_LEAST_BYTES = 2**20  # from the lower to the upper edge
_STEPS = 60  # of the band
_COLORS = 64
_TIMES = {
    "formats": ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"],
    "zero_formats": ["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"],
    "offset_formats": ["UTC", "UTC", "%Y, UTC", "%d %b %Y, UTC", "%d %b %Y, UTC", "%d %b %Y, UTC"],
}
_LOCK = threading.Lock()
"""matplotlib's settings belong to the process."""


def drawn(alert: Alert, history: History, form: Literal["png", "svg"]) -> bytes:
    """Return a picture; the same bytes for the same alert."""
    with _LOCK, matplotlib.rc_context(_STYLE):
        figure = _figure(alert, history)
        return _svg(figure) if form == "svg" else _png(figure)


def _svg(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def _png(figure: Figure) -> bytes:
    """Return a PNG with a table of colours: it has a third of the bytes."""
    pixels, file = BytesIO(), BytesIO()
    figure.savefig(pixels, format="rgba", dpi=_DOTS_PER_INCH)
    wide, high = (round(points / _POINTS_PER_INCH * _DOTS_PER_INCH) for points in (_WIDTH, _HEIGHT))
    image = Image.frombuffer("RGBA", (wide, high), pixels.getvalue()).convert("RGB")
    image.quantize(_COLORS, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    return file.getvalue()


def _figure(alert: Alert, history: History) -> Figure:
    figure = Figure(figsize=(_WIDTH / _POINTS_PER_INCH, _HEIGHT / _POINTS_PER_INCH))
    axes = figure.add_axes((_LEFT / _WIDTH, _BOTTOM / _HEIGHT, _AXES_WIDTH / _WIDTH, _AXES_HEIGHT / _HEIGHT))
    _Drawing(axes, alert, history).draw()
    figure.text(
        _EDGE / _WIDTH, 1 - _EDGE / _HEIGHT, _title(alert),
        size=_TITLE_SIZE, weight="bold", color=INK, verticalalignment="top",
    )  # fmt: skip
    return figure


def _title(alert: Alert) -> str:
    """Return the service, the kind and the rate; a long name of a service is cut."""
    said = f": {alert.kind}" + (" growth" if alert.kind in LEAK_KINDS else "")
    if alert.trend is not None:
        onset = alert.time if alert.onset is None else alert.onset
        said += f", {rate(alert.trend.growth, max(alert.trend.window, alert.time - onset))}"
    if alert.state == "resolved":
        said += ", over"
    most = _WIDTH - 2 * _EDGE - width(said, _TITLE_SIZE, "bold")
    return among_latin(shortened(clean(alert.service), most, _TITLE_SIZE, "bold")) + said


class _Drawing:
    """The drawing in one pair of axes."""

    def __init__(self, axes: Axes, alert: Alert, history: History) -> None:
        self._alert = alert
        points = zip(history.times, history.memory, strict=False)
        self._times, self._memory = np.array(list(points), dtype=float).T
        # An alert that is over forecasts nothing.
        self._forecast = None if alert.state == "resolved" else alert.forecast
        limit = alert.limit if self._forecast is None else self._forecast.limit
        self._limit = None if limit is None else float(limit)
        begin = self._begin()
        end = end_of(begin, self._times[-1], self._forecast)
        self._restarts, self._deploys = (
            [time for time in times if begin <= time <= end] for times in (history.restarts, history.deploys)
        )
        bottom, top = self._height(begin, end)
        self._on = MemoryAxes(
            axes, begin=begin, end=end, bottom=bottom, top=top, unit=_unit(top)[0], color=RED
        )

    def _begin(self) -> float:
        """Return where the picture begins, in unix seconds: the growth takes half of what is past.

        An older history would press it against the right edge.
        """
        last, trend = self._times[-1], self._alert.trend
        grows = min(self._alert.since, last if self._alert.onset is None else self._alert.onset)
        if trend is not None:
            grows = min(grows, (last if trend.end is None else trend.end) - trend.window)
        near = min(last - 2 * (last - grows), self._times[-3])
        return float(min(max(self._times[0], near), last - _LEAST_SECONDS))

    def _height(self, begin: float, end: float) -> tuple[float, float]:
        """Return the lowest and highest bytes, with space for the limit's name and for the marks."""
        memory = self._memory[self._times >= begin]
        # Without a limit memory is drawn as if the limit were far away.
        limit = np.inf if self._limit is None else self._limit
        low, high = float(memory.min()), max(float(memory.max()), 1.0)
        bottom, top = height_of(low, high, limit, in_sight(self._forecast, end))
        top = max(top, bottom + _LEAST_BYTES)
        head = _HEAD if limit <= top else 0.0
        lane = _LANE if self._restarts or self._deploys else 0.0
        point = (top - bottom) / (_AXES_HEIGHT - head - lane)
        return bottom - lane * point, top + head * point

    def draw(self) -> None:
        """Draw everything; later parts cover earlier ones."""
        self._frame()
        if self._limit is not None:
            self._draw_limit(self._limit)
        self._draw_growth()
        # On the fit, which is wider. The dots show samples that stand alone.
        self._on.line(*self._broken(), color=BLUE, linewidth=1.3, marker=".", markersize=2.6, zorder=3.5)
        self._draw_begin()
        self._draw_marks()

    def _frame(self) -> None:
        axes, (_, unit) = self._on.axes, _unit(self._on.top)
        self._on.time_ticks(least=3, most=7, **_TIMES)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(lambda level, _: f"{level:,g} {unit}" if level >= 0 else "")
        axes.tick_params(color=GREY, labelcolor=INK, length=3)

    def _draw_limit(self, limit: float) -> None:
        most = _LONGEST_LIMIT * _AXES_WIDTH
        name = (self._forecast.limit_name if self._forecast else self._alert.limit_name) or "limit"
        words = f"{among_latin(shortened(clean(name), most, _FONT_SIZE))} {size(limit)}"
        self._on.limit([self._on.begin, self._on.end], [limit] * 2, words)

    def _broken(self) -> tuple[Floats, Floats]:
        """Return times and levels with a gap where a run ends, so that no line crosses it."""
        gaps = np.unique(np.searchsorted(self._times, [*self._restarts, *self._deploys]))
        return np.insert(self._times, gaps, np.nan), np.insert(self._memory, gaps, np.nan)

    def _draw_growth(self) -> None:
        trend, forecast = self._alert.trend, self._forecast
        if trend is not None:
            end = self._alert.time if trend.end is None else trend.end
            level = level_at(end, self._times, self._memory, trend)
            self._on.fit(trend, end, level, _FIT_WIDTH)
            if forecast is not None:
                # It starts at what counts against the limit.
                memory = self._memory[-1] if self._alert.memory is None else self._alert.memory
                self._on.band(trend, forecast, end, level + forecast.limit_used - memory, _STEPS)
        if forecast is not None and in_sight(forecast, self._on.end):
            self._on.forecast(forecast)

    def _draw_begin(self) -> None:
        """Draw when the growth and the alert began, with words above the axes."""
        row = Row(_EDGE - _LEFT, _AXES_WIDTH + _RIGHT, _FONT_SIZE)
        since, onset = self._alert.since, self._alert.onset
        if self._shows(since):
            self._on.axes.axvline(days(since), color=RED, linewidth=1.4, zorder=1.5)
            self._say(row, since, ["alert"], ("left", "right"), (1.0, 7.0), color=RED)
        if onset is not None and self._shows(onset):
            self._on.onset(onset)
            self._say(row, onset, ["onset"], ("right", "left"), (1.0, 7.0), color=INK)

    def _draw_marks(self) -> None:
        row = Row(0.0, _AXES_WIDTH, _FONT_SIZE)
        height = _LANE / 2 / _AXES_HEIGHT
        # A deploy restarts as well: its mark stands for both.
        restarts = [
            one for one in self._restarts if not any(self._touch(one, other) for other in self._deploys)
        ]
        for name, times in (("restart", restarts), ("deploy", self._deploys)):
            self._on.mark(times, *_MARKS[name], name, height)
            for time in times:
                row.take(self._across(time) - _HALF_MARK, self._across(time) + _HALF_MARK)
        for time, texts in [*self._versions(), *((time, ["restart"]) for time in restarts[-1:])]:
            self._say(row, time, texts, ("left", "right"), (height, 0.0), gap=_HALF_MARK + 2, color=INK)

    def _versions(self) -> list[tuple[float, list[str]]]:
        """Return the words for the deploy before the growth and for the newest one, where their marks are."""
        alert = self._alert
        versions: dict[float, str | None] = {}
        onset = alert.onset if alert.onset_high is None else alert.onset_high
        before = [time for time in self._deploys if onset is not None and time <= onset]
        if before and alert.suspect is not None:
            versions[before[-1]] = alert.suspect
        if self._deploys:
            versions[self._deploys[-1]] = alert.version or versions.get(self._deploys[-1])
        return [
            (time, [f"deploy {clean(version)}", "deploy"] if version else ["deploy"])
            for time, version in versions.items()
        ]

    def _touch(self, one: float, other: float) -> bool:
        """Return whether the marks of two times touch each other."""
        return abs(self._across(one) - self._across(other)) < 2 * _HALF_MARK

    def _say(
        self, row: Row, time: float, texts: Sequence[str], sides: Sequence[Side],
        place: tuple[float, float], *, gap: float = 0.0, color: str,
    ) -> None:  # fmt: skip
        """Write the first text that fits at a time; `place` is a share of the height, and points above it."""
        chosen = row.put(self._across(time), texts, sides, gap)
        if chosen is None:
            return
        (text, side), (height, above) = chosen, place
        aside = gap if side == "left" else -gap
        self._on.axes.annotate(
            text, (days(time), height), (aside, above), ("data", "axes fraction"), "offset points",
            color=color, bbox=BEHIND_TEXT, horizontalalignment=side, verticalalignment="center",
        )  # fmt: skip

    def _shows(self, time: float) -> bool:
        return self._on.begin <= time <= self._on.end

    def _across(self, time: float) -> float:
        """Return how far a time is from the left edge of the axes, in points."""
        return (time - self._on.begin) / (self._on.end - self._on.begin) * _AXES_WIDTH


def _unit(count: float) -> tuple[int, str]:
    """Return the largest unit of bytes that is not larger than a number of bytes."""
    return next((unit for unit in UNITS if count >= unit[0]), UNITS[-1])
