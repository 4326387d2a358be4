"""Recorded scores and control records through the alerting role again, in memory."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from fleetleak.records import Decoder, Label, ModelDelete, Score, control, encode
from fleetleak.records.control import WhitelistRevoke
from fleetleak.stream import Key, Record
from fleetleak.stream.role import Applied, Output
from fleetleak_app.replay.drive import BATCH_RECORDS
from sinks.alerting import labels
from sinks.alerting.explained import Explained
from sinks.alerting.leak.role import LeakAlerting
from sinks.alerting.subject import Subject

_score = Decoder(Score).decode


class Scored(NamedTuple):
    """A recorded score: decoded, and as the role reads it."""

    score: Score
    record: Record


class Control(NamedTuple):
    """A recorded control record of one service: decoded, and as the role reads it."""

    read: Label | ModelDelete | WhitelistRevoke
    record: Record


class Start(NamedTuple):
    """Where a replay begins.

    Parameters
    ----------
    time
        Unix seconds.
    subjects
        The stored state of each service: what labels taught before `time` is taken from it.
    """

    time: float
    subjects: Mapping[str, Subject[Any]]


def scored(record: Record) -> Scored:
    """Return a record of the topic `scores`.

    Raises
    ------
    fleetleak.records.Unreadable
        If it is no score.
    """
    return Scored(_score(record.value), record)


def controlled(record: Record) -> Control | None:
    """Return a record of the topic `feedback` that concerns alerts of one service; None for another one.

    Raises
    ------
    fleetleak.records.Unreadable
        If it is broken.
    """
    read = control.read(record.value)
    return Control(read, record) if isinstance(read, Label | ModelDelete | WhitelistRevoke) else None


class Again:
    """Alerting roles that go through the same records again.

    A control record takes effect before the first score of its service that has its time or a later one.

    Parameters
    ----------
    take
        Called with the number of a role and with what it publishes.
    """

    def __init__(
        self,
        roles: Sequence[LeakAlerting],
        controls: Iterable[Control],
        start: Start,
        take: Callable[[int, list[Output]], None] = lambda number, outputs: None,
    ) -> None:
        self._roles = roles
        self._start = start
        self._take = take
        self._controls: dict[str, deque[Control]] = defaultdict(deque)
        for one in sorted(controls, key=lambda one: one.read.time):
            self._controls[one.read.service].append(one)
        self._known: set[Key] = set()
        self._clocks: dict[int, float] = {}
        self._batch: list[Record] = []

    def add(self, one: Scored) -> None:
        """Take the next score."""
        self.prepare(one)
        record, clock = one.record, self._clocks.get(one.record.partition, 0.0)
        clock = self._clocks[record.partition] = max(clock, record.appended)
        self._batch.append(msgspec.structs.replace(record, clock=clock))
        if len(self._batch) >= BATCH_RECORDS:
            self.flush()

    def prepare(self, one: Scored) -> None:
        """Apply the control records that come before a score."""
        key = Key(one.record.partition, one.record.key or b"")
        if key not in self._known:
            self._known.add(key)
            self._begin(key, one)
        self._apply(one.score.service, one.score.time)

    def end(self, time: float) -> None:
        """Apply everything up to a time, unix seconds."""
        self.flush()
        for service in list(self._controls):
            self._apply(service, time)

    def flush(self) -> None:
        """Apply the scores that were taken."""
        batch, self._batch = self._batch, []
        for number, role in enumerate(self._roles):
            self._done(number, role.apply(batch))

    def _apply(self, service: str, time: float) -> None:
        waiting = self._controls.get(service)
        if not waiting or waiting[0].read.time > time:
            return
        self.flush()
        while waiting and waiting[0].read.time <= time:
            said = waiting.popleft()
            for number, role in enumerate(self._roles):
                self._done(number, role.control(_meant(role, said))[1])

    def _done(self, number: int, applied: Applied) -> None:
        self._take(number, applied.outputs)

    def _begin(self, key: Key, one: Scored) -> None:
        """Give a service what labels taught before the beginning, and leave these labels out."""
        before = self._controls[one.score.service]
        muting: Label | None = None
        while before and before[0].read.time < self._start.time:
            read = before.popleft().read
            if isinstance(read, Label) and read.verdict == "expected" and not read.weak:
                muting = read
        stored: Subject[Any] = self._start.subjects.get(one.score.service) or Subject()
        for role in self._roles:
            subject = labels.taught(stored, self._start.time)
            if muting is not None:
                labels.expect(subject, muting, muting.time)
            role.change(key, lambda _state, given, _emit: given, subject, one.record)


def _meant(role: LeakAlerting, said: Control) -> Record:
    """Return a control record; a label for one alert is for the alert that stands in the replay.

    The replay's alert has another key if it began before the replay, or by another policy at another time.
    """
    read, record = said
    subject = role.state(Key(record.partition, read.service.encode()))
    if not isinstance(read, Label) or read.alert is None or subject is None or subject.standing is None:
        return record
    if subject.closed is not None and subject.closed.key == read.alert:
        return record
    label = msgspec.structs.replace(read, alert=subject.standing.key)
    return msgspec.structs.replace(record, value=encode(label))


class Replayed(NamedTuple):
    """A service that was replayed.

    Parameters
    ----------
    explained
        The decision on the score that was asked for.
    subject
        The service at the end; None if it was deleted.
    later
        The control records that took effect after that score.
    """

    explained: Explained[Any]
    subject: Subject[Any] | None
    later: list[Control]


class NoSuchInstance(LookupError):
    """There are no scores of an instance; the arguments are the names of those there are."""


def decision(
    make: Callable[[], LeakAlerting],
    scores: Iterable[Scored],
    controls: Sequence[Control],
    start: Start,
    end: float,
    instance: str | None = None,
) -> Replayed | None:
    """Return the decision on the newest score of one instance of a service; None without scores.

    Parameters
    ----------
    make
        Returns a role without state.
    scores, controls
        Of the service, in their order.
    end
        Scores and control records after this time are left out, unix seconds.
    instance
        None: the one that the alert names, else the one with the highest confidence.

    Raises
    ------
    NoSuchInstance
        If the instance has no score.
    """
    fresh = _fresh(one for one in scores if one.score.time <= end)
    if not fresh:
        return None
    subject = _played(make(), fresh, controls, start, end)
    name = _chosen(subject, fresh) if instance is None else instance
    places = [at for at, one in enumerate(fresh) if one.score.instance == name]
    if not places:
        raise NoSuchInstance(*sorted({one.score.instance for one in fresh}))
    role, asked = make(), fresh[places[-1]]
    again = Again([role], controls, start)
    for one in fresh[: places[-1]]:
        again.add(one)
    again.prepare(asked)
    again.flush()
    explained = role.explain(_key(asked), asked.score)
    if explained is None:
        return None
    later = [one for one in controls if max(asked.score.time, start.time) < one.read.time <= end]
    return Replayed(explained, subject, later)


def _played(
    role: LeakAlerting, scores: Sequence[Scored], controls: Sequence[Control], start: Start, end: float
) -> Subject[Any] | None:
    again = Again([role], controls, start)
    for one in scores:
        again.add(one)
    again.end(end)
    return role.state(_key(scores[-1]))


def _key(one: Scored) -> Key:
    return Key(one.record.partition, one.record.key or b"")


def _fresh(scores: Iterable[Scored]) -> list[Scored]:
    """Leave out scores that are not newer than all before of their instance: the role passes over them."""
    newest: dict[str, float] = {}
    fresh = []
    for one in scores:
        if one.score.time > newest.get(one.score.instance, -1.0):
            newest[one.score.instance] = one.score.time
            fresh.append(one)
    return fresh


def _chosen(subject: Subject[Any] | None, scores: Sequence[Scored]) -> str:
    last = {one.score.instance: one.score for one in scores}
    if subject is not None and subject.standing is not None and subject.standing.published.instance in last:
        return subject.standing.published.instance
    return max(last.values(), key=lambda score: (score.confidence, score.time)).instance
