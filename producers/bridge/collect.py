"""The points of one record of others become readings: one for each thing and time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fleetleak.records import Reading
from fleetleak.records.types import MOST_UNIX_SECONDS
from producers.bridge.index import Use
from producers.bridge.names import of_prometheus
from producers.names import LONGEST, fit
from producers.prometheus.fields import means_none, possible
from producers.prometheus.preset import Labels, true_labels

IMPOSSIBLE, NAMELESS, NO_TIME, STALE, DELTA = "impossible", "nameless", "no-time", "stale", "delta"
"""Why a point is no part of a reading: no memory has such a value; nothing names it; it has no time of this
age of the world; it marks the end of a series; it tells a difference to a point that may be lost."""

# A start within the last second is no start: a source that cannot read it writes the time of the measurement.
_LEAST_AGE_SECONDS = 1.0
_Place = tuple[str, str, dict[str, str]]


class Collect:
    """Gathers the points of one record.

    Attributes
    ----------
    left
        How many points were left out, by reason.
    """

    def __init__(self) -> None:
        self.left: Counter[str] = Counter()
        self._readings: dict[tuple[str, str, str, str, float], Reading] = {}
        self.under({})

    def under(self, labels: dict[str, str]) -> None:
        """Begin a resource: its labels are those of the points that follow."""
        self._own = labels
        self._target: dict[str, str] | None = None
        # By preset and what is said, since most points have no labels of their own that name anything.
        self._places: dict[tuple[str, str], _Place | None] = {}

    def add(self, uses: Sequence[Use], labels: Labels, time: float, value: float, start: float = 0.0) -> None:
        """Take one point.

        Parameters
        ----------
        labels
            Its own, beside those of the resource.
        time, start
            When it was measured, and when its counter began (0: unknown), unix seconds.
        """
        if not 0 < time <= MOST_UNIX_SECONDS:
            self.left[NO_TIME] += 1
            return
        labels = true_labels(labels)
        for use in uses:
            if use.open or use.accepts({**self._base(use), **labels}):
                self._take(use, labels, time, value * use.scale, start)

    def readings(self) -> list[Reading]:
        """Return the readings, in the order of their first points."""
        return list(self._readings.values())

    def _take(self, use: Use, labels: Labels, time: float, value: float, start: float) -> None:
        if use.field and not possible(use.field, value):
            self.left[IMPOSSIBLE] += not means_none(use.field, value)
            return
        if (place := self._place(use, labels)) is None:
            self.left[NAMELESS] += 1
            return
        thing, part, names = place
        key = use.preset.name, use.says, thing, part, time
        reading = self._readings.get(key)
        if reading is None:
            # What is joined is joined by its place alone.
            kept = {} if use.says == "joined" else names
            reading = self._readings[key] = Reading(
                thing=thing,
                part=part,
                says=use.says,
                preset=use.preset.name,
                time=time,
                fields={},
                names=kept,
            )
        _fill(reading, use, value)
        if use.begins and 0 < start <= time - _LEAST_AGE_SECONDS:
            reading.fields["started"] = start

    def _base(self, use: Use) -> dict[str, str]:
        """Return the labels of the resource, as a preset knows them."""
        if not use.of_prometheus:
            return self._own
        if self._target is None:
            self._target = of_prometheus(self._own)
        if use.of_target:
            return {**{name: self._own[name] for name in _POD if name in self._own}, **self._target}
        return self._target

    def _place(self, use: Use, labels: Labels) -> _Place | None:
        """Return the thing, its part, and the labels that are kept."""
        if use.keeps.isdisjoint(labels) and not use.of_prometheus:
            key = use.preset.name, use.says
            if key not in self._places:
                self._places[key] = _place_of(use, self._own)
            return self._places[key]
        return _place_of(use, {**self._base(use), **labels})


_POD = ("namespace", "pod", "container")


def _place_of(use: Use, labels: Labels) -> _Place | None:
    if (place := use.thing(labels)) is None:
        return None
    names = {name: labels[name][:LONGEST] for name in use.keeps if labels.get(name)}
    return fit(place[0]), place[1][:LONGEST], names


def _fill(reading: Reading, use: Use, value: float) -> None:
    if use.adds:
        reading.fields[use.field] = reading.fields.get(use.field, 0.0) + value
    elif use.field:
        reading.fields.setdefault(use.field, value)
