"""Two policies on the same recorded scores: which alerts appear, disappear, or change in severity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from fleetleak.records.alert import SEVERITIES, AlertState, Severity
from fleetleak.stream.role import Output

Change = Literal["appears", "disappears", "severity"]


class Episode(Struct):
    """One alert from firing to resolved; `until` is None where it stands at the end.

    `severity` is the highest one that it reached. `since` and `until` are unix seconds.
    """

    service: str
    since: float
    severity: Severity
    until: float | None = None


class Difference(Struct, frozen=True, kw_only=True):
    """One alert that is not the same under both policies; `before` and `after` are its severities."""

    service: str
    change: Change
    since: float
    until: float | None
    before: Severity | None
    after: Severity | None


class _Told(Struct):
    """What is used of a transition."""

    key: str
    service: str
    state: AlertState
    time: float
    severity: Severity


class Told:
    """The transitions of one policy, as episodes.

    Attributes
    ----------
    transitions
        How many there were.
    """

    def __init__(self) -> None:
        self.transitions = 0
        self._newest: dict[str, Episode] = {}
        self._episodes: dict[str, list[Episode]] = defaultdict(list)
        self._decode = msgspec.json.Decoder(_Told).decode

    def add(self, outputs: Sequence[Output]) -> None:
        """Take what a role published."""
        for output in outputs:
            self._add(self._decode(output.value or b""))

    def _add(self, told: _Told) -> None:
        self.transitions += 1
        episode = self._newest.get(told.key)
        if episode is None:
            episode = self._newest[told.key] = Episode(told.service, told.time, told.severity)
            self._episodes[told.service].append(episode)
        episode.severity = max(episode.severity, told.severity, key=SEVERITIES.index)
        # One that fires again under its key is the same alert.
        episode.until = told.time if told.state == "resolved" else None

    def services(self) -> set[str]:
        """Return the services that had an alert."""
        return set(self._episodes)

    def of(self, service: str) -> list[Episode]:
        """Return the alerts of a service, in their order."""
        return self._episodes.get(service, [])

    def count(self) -> int:
        """Return the number of alerts."""
        return sum(map(len, self._episodes.values()))


def differences(before: Told, after: Told) -> Iterator[Difference]:
    """Yield what differs, by service and time. Alerts are the same if their times overlap."""
    for service in sorted(before.services() | after.services()):
        for old, new in _groups(before.of(service), after.of(service)):
            every = [*old, *new]
            one, other = _highest(old), _highest(new)
            if one == other:
                continue
            change: Change = "appears" if one is None else "disappears" if other is None else "severity"
            ends = [episode.until for episode in every if episode.until is not None]
            yield Difference(
                service=service,
                change=change,
                since=min(episode.since for episode in every),
                until=max(ends) if len(ends) == len(every) else None,
                before=one,
                after=other,
            )


def _groups(old: Sequence[Episode], new: Sequence[Episode]) -> Iterator[tuple[list[Episode], list[Episode]]]:
    """Yield the episodes of both sides that overlap in time, directly or through others."""
    placed = sorted(
        [(one, 0) for one in old] + [(one, 1) for one in new], key=lambda pair: (pair[0].since, pair[1])
    )
    group: tuple[list[Episode], list[Episode]] = ([], [])
    end = float("-inf")
    for episode, side in placed:
        if episode.since > end and (group[0] or group[1]):
            yield group
            group, end = ([], []), float("-inf")
        group[side].append(episode)
        end = max(end, float("inf") if episode.until is None else episode.until)
    if group[0] or group[1]:
        yield group


def _highest(episodes: Sequence[Episode]) -> Severity | None:
    return max((one.severity for one in episodes), key=SEVERITIES.index, default=None)
