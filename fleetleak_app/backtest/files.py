"""Series of files with the names of Prometheus: answers of its API, and what `promtool tsdb dump` prints."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fleetleak_app.backtest.history import Piece
from fleetleak_app.backtest.plan import MOST_POINTS, MOST_STEPS
from fleetleak_app.reading import BadRecording, Notes
from fleetleak_app.reading.jsons import is_json, series
from fleetleak_app.reading.text import to_text, unpacked
from producers.prometheus.discover import NoData
from producers.prometheus.matchers import Matcher, parse, unquoted
from producers.prometheus.preset import SLOW_SECONDS, Preset, Source
from producers.prometheus.presets import PRESETS
from producers.prometheus.series import Points, Window

# Milliseconds are larger than any time in seconds.
_MILLISECONDS_FROM = 1e11
# As in other recordings. One wrong time would make a grid over thousands of years.
_FIRST, _LAST = 31_536_000.0, 7_258_118_400.0
_NO_TIME = "samples without a time from 1971 to 2200"
_LINE = re.compile(
    r"(?P<series>(?:[A-Za-z_:][\w:]*)?\{.*\})\s+(?P<value>\S+)\s+(?P<time>-?\d+(?:\.\d*)?(?:[eE]\+?\d+)?)\s*",
    re.ASCII,
)
Floats = NDArray[np.float64]
_LABEL = re.compile(r'\s*("?)(?P<name>[\w.:-]+)\1\s*=\s*(?P<quoted>"(?:[^"\\]|\\.)*")\s*,?', re.ASCII)
_LOOKED_AT = 50  # lines
_KNOWN = {source.metric for preset in PRESETS for source in preset.sources} | {
    info.metric for preset in PRESETS for info in preset.infos
}


class Stored(NamedTuple):
    """One series: its labels, and its times (unix seconds) and values as the file has them."""

    labels: dict[str, str]
    times: array[float]
    values: array[float]

    def ordered(self) -> Ordered:
        """Return it in order of time."""
        times = np.asarray(self.times)
        order = np.argsort(times, kind="stable")
        return Ordered(self.labels, times[order], np.asarray(self.values)[order])


class Ordered(NamedTuple):
    """One series in order of time: times in unix seconds, shape `(n,)`, and values."""

    labels: dict[str, str]
    times: Floats
    values: Floats


def stored(files: Sequence[str], notes: Notes) -> dict[str, list[Stored]] | None:
    """Return the series of files by their metric; None if they hold something else.

    Raises
    ------
    BadRecording
        If a file cannot be read, or if only some of them hold series of Prometheus.
    """
    read = [_stored(file, notes) for file in files]
    known = [one for one in read if one is not None]
    if not known:
        return None
    if len(known) < len(read):
        other = files[read.index(None)]
        raise BadRecording(
            f"{other} has no series with Prometheus' names, and other files have: give them apart"
        )
    whole: dict[frozenset[tuple[str, str]], Stored] = {}
    every: dict[str, list[Stored]] = {}
    for metric, series_ in (
        (metric, one) for found in known for metric, many in found.items() for one in many
    ):
        if not series_.times:
            continue
        key = frozenset({**series_.labels, "__name__": metric}.items())
        if (same := whole.get(key)) is None:
            whole[key] = series_
            every.setdefault(metric, []).append(series_)
        else:  # its next part, in another file
            same.times.extend(series_.times)
            same.values.extend(series_.values)
    return every


def _stored(file: str, notes: Notes) -> dict[str, list[Stored]] | None:
    try:
        data = unpacked(Path(file).read_bytes(), file)
    except OSError as error:
        raise BadRecording(f"{file}: {error.strerror}") from None
    if data.startswith(b"PAR1"):
        return None
    words = to_text(data, file, notes)
    every = _of_answer(words, file, notes) if is_json(words) else _of_dump(words, file, notes)
    return every if every is not None and _KNOWN & every.keys() else None


def _of_answer(words: str, file: str, notes: Notes) -> dict[str, list[Stored]] | None:
    if '"metric"' not in words:
        return None
    every: dict[str, list[Stored]] = {}
    for one in series(words, file, notes) or ():
        pairs = [
            (time, _float(value))
            for time, value in zip(one.times, one.values, strict=True)
            if time is not None and _is_plausible(time)
        ]
        if len(pairs) < len(one.times):
            notes.leave(_NO_TIME, len(one.times) - len(pairs), file)
        times, values = zip(*pairs, strict=True) if pairs else ((), ())
        found = Stored(dict(one.metric.labels), array("d", times), array("d", values))
        every.setdefault(one.metric.name, []).append(found)
    return every


def _of_dump(words: str, file: str, notes: Notes) -> dict[str, list[Stored]] | None:
    lines = words.split("\n")
    if not any(_LINE.fullmatch(line) for line in lines[:_LOOKED_AT]):
        return None
    by_text: dict[str, Stored] = {}
    for row, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            notes.leave("lines that are no samples", 1, f"{file} row {row}")
            continue
        time = float(match["time"])
        time = time / 1000 if time >= _MILLISECONDS_FROM else time
        if not _is_plausible(time):
            notes.leave(_NO_TIME, 1, f"{file} row {row}")
            continue
        known = by_text.get(match["series"])
        if known is None:
            known = by_text[match["series"]] = Stored(_labels(match["series"]), array("d"), array("d"))
        known.times.append(time)
        known.values.append(_float(match["value"]))
    every: dict[str, list[Stored]] = {}
    for one in by_text.values():
        every.setdefault(one.labels.get("__name__", ""), []).append(one)
    return every


def _is_plausible(time: float) -> bool:
    return _FIRST <= time <= _LAST


def _labels(text: str) -> dict[str, str]:
    name, _, inside = text.partition("{")
    labels = {match["name"]: unquoted(match["quoted"]) for match in _LABEL.finditer(inside)}
    return {"__name__": name, **labels} if name else labels


def _float(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


class Files:
    """Series of files, in pieces of time.

    Parameters
    ----------
    step
        Seconds between snapshots; None: what is usual between the samples of memory.

    Attributes
    ----------
    presets
        The presets that have data.
    whole
        All of the time.

    Raises
    ------
    NoData
        If no preset has memory.
    """

    def __init__(
        self,
        every: dict[str, list[Stored]],
        wanted: Sequence[str] | None,
        matchers: Sequence[Matcher],
        step: float | None,
    ) -> None:
        self._every = every
        found = {
            preset.name: {source: _selected(every, preset, source, matchers) for source in preset.sources}
            for preset in PRESETS
            if wanted is None or preset.name in wanted
        }
        self.presets: list[Preset] = []
        for preset in PRESETS:
            covered = wanted is None and any(other.name in preset.inside for other in self.presets)
            if preset.name in found and not covered and _memory(preset, found[preset.name]):
                self.presets.append(preset)
        if not self.presets:
            raise NoData("the files have no memory of these presets and matchers: give other ones")
        self._series = {preset.name: found[preset.name] for preset in self.presets}
        memory = [one for preset in self.presets for one in _memory(preset, found[preset.name])]
        step = step or _usual_step(memory)
        # On multiples of the step, as a server is asked.
        begin = math.ceil(min(one.times[0] for one in memory) / step) * step
        steps = math.ceil((max(one.times[-1] for one in memory) - begin) / step) + 1
        self.whole = Window(begin, step, max(1, steps))

    def series(self, preset: Preset) -> int:
        """Return how many series of memory a preset has."""
        own = self._series[preset.name]
        return max(len(own[source]) for source in preset.sources if source.field in preset.memory)

    def labels_of(self, metric: str) -> list[dict[str, str]]:
        """Return the labels of the series of one metric."""
        return [one.labels for one in self._every.get(metric, ())]

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces of the files in order of time."""
        every = [one for own in self._series.values() for series in own.values() for one in series]
        at_once = sum(len(one.times) for one in every) / self.whole.steps
        size = max(1, min(MOST_STEPS, int(MOST_POINTS / max(1.0, at_once))))
        for first in range(0, self.whole.steps, size):
            window = Window(self.whole.at(first), self.whole.step, min(size, self.whole.steps - first))
            begin = window.begin - max(window.step, SLOW_SECONDS)
            yield Piece(
                window,
                {
                    name: [
                        (
                            source,
                            [
                                _points(one, source, window)
                                for one in series
                                if one.times[0] <= window.end and one.times[-1] > begin
                            ],
                        )
                        for source, series in own.items()
                    ]
                    for name, own in self._series.items()
                },
            )


def _memory(preset: Preset, own: Mapping[Source, Sequence[Ordered]]) -> list[Ordered]:
    return [one for source in preset.sources if source.field in preset.memory for one in own[source]]


def _selected(
    every: Mapping[str, Sequence[Stored]], preset: Preset, source: Source, matchers: Sequence[Matcher]
) -> list[Ordered]:
    """Return the series of a source that a server would have selected, in order of time."""
    users = [one for one in matchers if source.takes is None or one.label in source.takes]
    kept = [*parse(source.matchers), *users]
    choices = [parse(text) for text in preset.selectors] if not source.by else [[]]
    return [
        one.ordered()
        for one in every.get(source.metric, ())
        if one.times
        and all(matcher.matches(one.labels) for matcher in kept)
        and any(all(matcher.matches(one.labels) for matcher in choice) for choice in choices)
    ]


def _usual_step(memory: Sequence[Ordered]) -> float:
    longest = max(memory, key=lambda one: len(one.times))
    between = np.diff(np.unique(longest.times))  # parts of a series may overlap
    return max(1.0, float(np.round(np.median(between)))) if len(between) else 60.0


def _points(one: Ordered, source: Source, window: Window) -> Points:
    """Return the newest sample of each step, as a server is asked.

    What is not a number marks the end of a series: it makes no point, and what seldom changes ends there.
    """
    grid = window.begin + window.step * np.arange(window.steps)
    newest = np.searchsorted(one.times, grid + 1e-6, side="right") - 1
    lasts = SLOW_SECONDS if source.slow else window.step
    known = (newest >= 0) & (grid - one.times[np.maximum(newest, 0)] < lasts - 1e-6)
    known &= ~np.isnan(one.values[np.maximum(newest, 0)])
    return Points(one.labels, np.flatnonzero(known).tolist(), one.values[newest[known]].tolist())
