"""Series of files with the names of Prometheus: answers of its API, and what `promtool tsdb dump` prints."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fleetleak_app.backtest.history import Piece
from fleetleak_app.backtest.plan import MOST_STEPS, NoData
from fleetleak_app.reading import BadRecording, Notes
from fleetleak_app.reading.jsons import is_json, series
from fleetleak_app.reading.text import to_text, unpacked
from producers.prometheus.matchers import Matcher, parse, unquoted
from producers.prometheus.preset import SLOW_SECONDS, Preset, Source
from producers.prometheus.presets import PRESETS
from producers.prometheus.series import Points, Window

_MOST_POINTS = 400_000
# Milliseconds are larger than any time in seconds.
_MILLISECONDS_FROM = 1e11
# As in other recordings. One wrong time would make a grid over thousands of years.
_FIRST, _LAST = 31_536_000.0, 7_258_118_400.0
_NO_TIME = "samples without a time from 1971 to 2200"
_LINE = re.compile(
    r"(?P<series>(?:[A-Za-z_:][\w:]*)?\{.*\})\s+(?P<value>\S+)\s+(?P<time>-?\d+(?:\.\d*)?(?:[eE]\+?\d+)?)\s*",
    re.ASCII,
)
_LABEL = re.compile(r'\s*("?)(?P<name>[\w.:-]+)\1\s*=\s*(?P<quoted>"(?:[^"\\]|\\.)*")\s*,?', re.ASCII)
_LOOKED_AT = 50  # lines
_KNOWN = {source.metric for preset in PRESETS for source in preset.sources} | {
    info.metric for preset in PRESETS for info in preset.infos
}


class Stored(NamedTuple):
    """One series: its labels, and its times (unix seconds) and values."""

    labels: dict[str, str]
    times: array[float]
    values: array[float]


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
        self._matchers = matchers
        self.presets = self._with_data(wanted)
        memory = [
            one
            for preset in self.presets
            for source in preset.sources
            if source.field in preset.memory
            for one in self._of_source(preset, source)
        ]
        step = step or _usual_step(memory)
        # On multiples of the step, as a server is asked.
        begin = np.ceil(min(min(one.times) for one in memory) / step) * step
        steps = int(np.ceil((max(max(one.times) for one in memory) - begin) / step)) + 1
        self.whole = Window(float(begin), step, max(1, steps))

    def series(self, preset: Preset) -> int:
        """Return how many series of memory a preset has."""
        return max(
            len(self._of_source(preset, source)) for source in preset.sources if source.field in preset.memory
        )

    def labels_of(self, metric: str) -> list[dict[str, str]]:
        """Return the labels of the series of one metric."""
        return [one.labels for one in self._every.get(metric, ())]

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces of the files in order of time."""
        sources = {
            preset.name: [(source, self._of_source(preset, source)) for source in preset.sources]
            for preset in self.presets
        }
        at_once = max(1, sum(len(found) for every in sources.values() for _, found in every))
        size = max(1, min(MOST_STEPS, _MOST_POINTS // at_once))
        for first in range(0, self.whole.steps, size):
            window = Window(self.whole.at(first), self.whole.step, min(size, self.whole.steps - first))
            yield Piece(
                window,
                {
                    name: [
                        (source, [_points(one, source, window) for one in found]) for source, found in every
                    ]
                    for name, every in sources.items()
                },
            )

    def _with_data(self, wanted: Sequence[str] | None) -> list[Preset]:
        found: list[Preset] = []
        for preset in PRESETS:
            named = wanted is not None and preset.name in wanted
            covered = any(other.name in preset.inside for other in found)
            if (named or (wanted is None and not covered)) and any(
                self._of_source(preset, source) for source in preset.sources if source.field in preset.memory
            ):
                found.append(preset)
        if not found:
            raise NoData("the files have no memory of these presets and matchers: give other ones")
        return found

    def _of_source(self, preset: Preset, source: Source) -> list[Stored]:
        users = [one for one in self._matchers if source.takes is None or one.label in source.takes]
        kept = [*parse(source.matchers), *users]
        choices = [parse(text) for text in preset.selectors] if not source.by else [[]]
        return [
            one
            for one in self._every.get(source.metric, ())
            if all(matcher.matches(one.labels) for matcher in kept)
            and any(all(matcher.matches(one.labels) for matcher in choice) for choice in choices)
        ]


def _usual_step(memory: Sequence[Stored]) -> float:
    longest = max(memory, key=lambda one: len(one.times))
    between = np.diff(np.unique(longest.times))  # parts of a series may overlap
    return max(1.0, float(np.round(np.median(between)))) if len(between) else 60.0


def _points(one: Stored, source: Source, window: Window) -> Points:
    """Return the newest sample of each step, as a server is asked."""
    times = np.asarray(one.times)
    order = np.argsort(times, kind="stable")
    times, values = times[order], np.asarray(one.values)[order]
    grid = window.begin + window.step * np.arange(window.steps)
    newest = np.searchsorted(times, grid + 1e-6, side="right") - 1
    lasts = max(window.step, SLOW_SECONDS) if source.slow else window.step
    known = (newest >= 0) & (grid - times[np.maximum(newest, 0)] < lasts - 1e-6)
    return Points(one.labels, np.flatnonzero(known).tolist(), values[newest[known]].tolist())
