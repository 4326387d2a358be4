"""The points of one record of others become readings: one for each thing and time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fleetleak.records import Reading
from fleetleak.records.types import MOST_UNIX_SECONDS
from producers.bridge.index import RUN, Slot, Use
from producers.bridge.names import of_prometheus
from producers.names import LONGEST, fit, mark
from producers.prometheus.fields import means_none
from producers.prometheus.preset import Labels, true_labels

IMPOSSIBLE, NAMELESS, NO_TIME = "impossible", "nameless", "no-time"
STALE, DELTA, SMALL = "stale", "delta", "small"
"""Why a point is no part of a reading: no memory has such a value; nothing names it; it has no time that can
be; it marks the end of a series; it tells the difference to a point that may be lost; a process has so
little."""

# A start within the last second is no start: a source that cannot read it writes the time of the measurement.
_LEAST_AGE_SECONDS = 1.0
_POD = ("namespace", "pod", "container")
_Place = tuple[str, str, dict[str, str]]


class Origin:
    """Where points come from: the labels that they share, and what follows from these alone.

    Parameters
    ----------
    labels
        Of a resource; none where each point has its own.
    """

    __slots__ = ("_bases", "_places", "labels")

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels
        self._bases: dict[Slot, dict[str, str]] = {}
        self._places: dict[Slot, _Place | None] = {}

    def base(self, slot: Slot) -> dict[str, str]:
        """Return the labels as a preset knows them."""
        if not slot.of_prometheus:
            return self.labels
        if slot not in self._bases:
            own = {n: self.labels[n] for n in _POD if n in self.labels} if slot.of_target else {}
            self._bases[slot] = own | of_prometheus(self.labels)
        return self._bases[slot]

    def place(self, slot: Slot) -> _Place | None:
        """Return what is measured where points have no labels of their own."""
        if slot not in self._places:
            self._places[slot] = _place_of(slot, self.labels)
        return self._places[slot]


class Collect:
    """Gathers the points of one record.

    Attributes
    ----------
    left
        How many points were left out, by reason.
    """

    def __init__(self) -> None:
        self.left: Counter[str] = Counter()
        self._readings: dict[tuple[Slot, str, str, str, float], Reading] = {}
        # Of fields that have several sources, by the fields' identity: the rank of the source that is there.
        self._ranks: dict[tuple[int, str], int] = {}
        self._small: set[int] = set()
        self.under(Origin({}))

    def under(self, origin: Origin) -> None:
        """Say where the points that follow come from."""
        self._origin = origin
        # Of the points without labels of their own, which are most.
        self._fields: dict[tuple[Slot, float], dict[str, float] | None] = {}

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
        wanted = named = False
        for use in uses:
            if use.plain and not labels:
                fields = self._own_fields(use.slot, time)
            elif (full := self._accepted(use, labels)) is None:
                continue
            else:
                fields = self._fields_of(use.slot, _place_of(use.slot, full), time)
            wanted = True
            if fields is not None:
                named = True
                self._fill(fields, use, time, value * use.scale, start)
        # Presets share names of metrics: one that knows the instance is enough.
        if wanted and not named:
            self.left[NAMELESS] += 1

    def readings(self) -> list[Reading]:
        """Return the readings, in the order of their first points."""
        return [
            reading
            for reading in self._readings.values()
            if reading.says == "named" or (reading.fields and id(reading.fields) not in self._small)
        ]

    def _own_fields(self, slot: Slot, time: float) -> dict[str, float] | None:
        """Return the fields of a reading of which the resource says what it is about."""
        key = slot, time
        if key not in self._fields:
            self._fields[key] = self._fields_of(slot, self._origin.place(slot), time)
        return self._fields[key]

    def _fields_of(self, slot: Slot, place: _Place | None, time: float) -> dict[str, float] | None:
        """Return the fields of a reading, which begins here if it is new; None if nothing names it."""
        if place is None:
            return None
        thing, part, names = place
        key = slot, thing, part, names.get(RUN, ""), time
        reading = self._readings.get(key)
        if reading is None:
            reading = self._readings[key] = Reading(
                thing=thing,
                part=part,
                says=slot.says,
                preset=slot.preset.name,
                time=time,
                fields={},
                names=names,
            )
        elif slot.says == "named":
            # Several infos tell of one thing, each with labels of its own.
            reading.names = names | reading.names
        return reading.fields

    def _accepted(self, use: Use, labels: Labels) -> Labels | None:
        """Return the labels of a point with those of its resource; None if this use does not want it."""
        full = {**self._origin.base(use.slot), **true_labels(labels)}
        return full if use.accepts(full) else None

    def _fill(self, fields: dict[str, float], use: Use, time: float, value: float, start: float) -> None:
        name = use.field
        if not use.least <= value <= use.most:
            self.left[IMPOSSIBLE] += not means_none(name, value)
            return
        if value < use.small:
            self.left[SMALL] += 1
            self._small.add(id(fields))
        elif use.adds:
            fields[name] = fields.get(name, 0.0) + value
        elif use.rank >= 0:
            key = id(fields), name
            if use.rank < self._ranks.get(key, use.rank + 1):
                fields[name], self._ranks[key] = value, use.rank
        elif name and name not in fields:
            fields[name] = value
        if use.begins and 0 < start <= time - _LEAST_AGE_SECONDS:
            fields["started"] = start


def _place_of(slot: Slot, labels: Labels) -> _Place | None:
    if (place := slot.thing(labels)) is None:
        return None
    # What is joined is joined by its place alone.
    keeps = () if slot.says == "joined" else slot.keeps
    names = {name: labels[name][:LONGEST] for name in keeps if labels.get(name)}
    if RUN in names:
        # A path, of which only that it is another one matters.
        names[RUN] = mark(labels[RUN])
    return fit(place[0]), place[1][:LONGEST], names
