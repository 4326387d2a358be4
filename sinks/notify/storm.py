"""Storms: many alerts that began with one version are told as one notice.

Pure and without a clock: times are event times. The caller keeps two threads from using it at once.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from msgspec.structs import replace

from fleetleak.records import Alert
from fleetleak.records.alert import SEVERITIES, Severity, higher

_PREFIX = "storm:"
_LONGEST_KEY = 250
_UPDATE_SECONDS = 300.0
StormState = Literal["firing", "updated", "resolved"]


class Storm(NamedTuple):
    """A storm as it is now.

    Parameters
    ----------
    services
        Those with a standing alert, in the order in which they joined; of a storm that is over, all of them.
    alert
        The newest transition of its first standing alert, with the time of the storm's newest transition.
    since
        When its first alert began.
    ref
        What the target calls its notice.
    """

    key: str
    version: str
    services: tuple[str, ...]
    severity: Severity
    alert: Alert
    since: float
    ref: str | None


class _Told(NamedTuple):
    services: int
    severity: Severity
    time: float


@dataclass
class _Group:
    """The alerts with one version: `members` are told as a storm, the others singly."""

    version: str
    time: float = 0.0
    # When each alert began, of those that are counted to see a storm begin.
    began: dict[str, float] = field(default_factory=dict)
    standing: dict[str, Alert] = field(default_factory=dict)
    members: dict[str, Alert] = field(default_factory=dict)
    told: _Told | None = None
    ref: str | None = None
    changed: bool = False

    @property
    def open(self) -> bool:
        return any(key in self.standing for key in self.members)

    def services(self) -> tuple[str, ...]:
        alerts = self.standing if self.open else self.members
        return tuple(dict.fromkeys(alert.service for alert in alerts.values()))

    def severity(self) -> Severity:
        alerts = self.standing if self.open else self.members
        return max((alert.severity for alert in alerts.values()), key=SEVERITIES.index)


def version_of(alert: Alert) -> str | None:
    """Return the version that an alert is grouped by; None for one that is never grouped."""
    return alert.suspect or alert.version


def storm_key(version: str) -> str:
    """Return the key of the storm of a version, in at most 250 characters.

    Examples
    --------
    >>> storm_key("2.41.0"), len(storm_key("x" * 256))
    ('storm:2.41.0', 70)
    """
    key = f"{_PREFIX}{version}"
    return key if len(key) <= _LONGEST_KEY else f"{_PREFIX}{hashlib.sha256(version.encode()).hexdigest()}"


class Storms:
    """The storms of one target.

    Parameters
    ----------
    most, seconds
        A storm begins when more than `most` alerts with one version began within so many seconds.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._groups: dict[str, _Group] = {}
        # By alert, the storm key of its group: the version of an alert may change.
        self._places: dict[str, str] = {}
        self._partitions: dict[str, int] = {}

    def member(self, key: str) -> str | None:
        """Return the key of the storm that an alert belongs to, if any."""
        place = self._places.get(key)
        return place if place is not None and key in self._groups[place].members else None

    def joins(self, alert: Alert, partition: int) -> str | None:
        """Decide of an alert that is told for the first time; return its storm's key, None if it is single.

        The decision stands when it is asked for again.
        """
        if (version := version_of(alert)) is None or alert.key in self._places:
            return self.member(alert.key)
        place = storm_key(version)
        group = self._groups.setdefault(place, _Group(version))
        self._places[alert.key], self._partitions[alert.key] = place, partition
        group.began[alert.key] = alert.since
        if not group.members and _densest(group.began.values(), alert.since, self._seconds) <= self._most:
            return None
        group.members[alert.key] = alert
        return place

    def take(self, alert: Alert) -> None:
        """Take the newest transition of an alert that is told, singly or in a storm."""
        if (place := self._places.get(alert.key)) is None:
            return
        group = self._groups[place]
        group.time = max(group.time, alert.time)
        group.changed = True
        if alert.key in group.members:
            group.members[alert.key] = alert
        if alert.state == "resolved":
            group.standing.pop(alert.key, None)
        else:
            group.standing[alert.key] = alert
        if group.members and not group.open and group.told is None:
            # It was over before the target could be told of it.
            self._end(place)
        self._prune(place)

    def due(self, place: str) -> StormState | None:
        """Return the state to tell of a storm now, if any."""
        if (group := self._groups.get(place)) is None:
            return None
        if not group.open:
            return None if group.told is None else "resolved"
        if group.told is None:
            return "firing"
        rises = higher(SEVERITIES, group.severity(), group.told.severity)
        doubled = len(group.services()) >= 2 * group.told.services
        waited = group.changed and group.time >= group.told.time + _UPDATE_SECONDS
        return "updated" if rises or doubled or waited else None

    def storm(self, place: str) -> Storm:
        """Return a storm as it is now."""
        group = self._groups[place]
        members = [alert for key, alert in group.members.items() if key in group.standing]
        first = (members or list(group.members.values()))[0]
        alert = replace(first, time=group.time)
        since = min(one.since for one in group.members.values())
        return Storm(place, group.version, group.services(), group.severity(), alert, since, group.ref)

    def tell(self, storm: Storm, ref: str | None) -> None:
        """Note that the target was told of a storm as it was then. More may have come since."""
        if (group := self._groups.get(storm.key)) is None:
            return
        if not group.open:
            self._end(storm.key)
            return
        group.told = _Told(len(storm.services), storm.severity, storm.alert.time)
        group.ref = ref
        group.changed = group.time > storm.alert.time or group.services() != storm.services

    def ref(self, place: str) -> str | None:
        """Return what the target calls the notice of a storm, if it stands."""
        group = self._groups.get(place)
        return None if group is None else group.ref

    def standing(self) -> list[str]:
        """Return the keys of the storms that the target was told of and that are not over."""
        return [place for place, group in self._groups.items() if group.open and group.told is not None]

    def pending(self) -> list[str]:
        """Return the keys of the standing storms that changed since the target was told of them."""
        return [place for place in self.standing() if self._groups[place].changed]

    def restore(self, alert: Alert, partition: int, place: str | None, ref: str | None) -> None:
        """Take a standing alert that the target was told of in an earlier life, in the storm `place` if any.

        What the last notice of the storm said is not known, so it counts as changed.
        """
        own = place
        if own is None:
            if (version := version_of(alert)) is None:
                return
            own = storm_key(version)
        # Not the alert's version: it may have another one by now.
        group = self._groups.setdefault(own, _Group(own.removeprefix(_PREFIX)))
        self._places[alert.key], self._partitions[alert.key] = own, partition
        group.began[alert.key] = alert.since
        group.standing[alert.key] = alert
        group.time = max(group.time, alert.time)
        if place is not None:
            group.members[alert.key] = alert
            group.ref = ref or group.ref
            group.told = _Told(len(group.services()), group.severity(), group.time)
            group.changed = True

    def forget(self, partition: int) -> None:
        """Forget the alerts of a partition. A storm that has no others is forgotten too, not resolved."""
        for key in [key for key, number in self._partitions.items() if number == partition]:
            place = self._places[key]
            group = self._groups[place]
            self._drop(key, group)
            group.standing.pop(key, None)
            group.members.pop(key, None)
            if not group.members:
                group.told, group.ref = None, None
            if not group.began:
                del self._groups[place]

    def _drop(self, key: str, group: _Group) -> None:
        del group.began[key], self._places[key], self._partitions[key]

    def _end(self, place: str) -> None:
        group = self._groups[place]
        # One that joined in this moment begins the next storm.
        group.members = {key: alert for key, alert in group.members.items() if alert.state != "resolved"}
        group.told, group.ref, group.changed = None, None, False
        self._prune(place)

    def _prune(self, place: str) -> None:
        """Drop what no longer counts, so that nothing grows for ever."""
        if (group := self._groups.get(place)) is None:
            return
        oldest = group.time - self._seconds
        for key in [key for key, since in group.began.items() if since <= oldest]:
            if key not in group.standing and key not in group.members:
                self._drop(key, group)
        if not group.began:
            del self._groups[place]


def _densest(times: Iterable[float], at: float, seconds: float) -> int:
    """Return the most times that any stretch of so many seconds holds which holds `at`."""
    near = sorted(time for time in times if abs(time - at) <= seconds)
    begins = (begin for begin in near if begin <= at)
    return max(bisect_right(near, begin + seconds) - bisect_left(near, begin) for begin in begins)
