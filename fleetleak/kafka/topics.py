"""The layout of the topics, and how they are listed, created and deleted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, overload

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it exports them without saying so
    AdminClient,
    NewTopic,
)

from fleetleak.kafka.trouble import Right, sentence
from fleetleak.settings.tree import KafkaSettings, TopicSettings

_HOUR_MS = 3_600_000
# An imported or lent model is larger than any snapshot.
MOST_CONTROL_BYTES = 8 * 2**20
_TIMEOUT_SECONDS = 30.0
_LIST_SECONDS = 8.0
MAIN = "main"
"""The active track until another one is promoted (docs/tracks.md)."""


class WrongTopics(RuntimeError):
    """The topics of the cluster do not fit; the message names the fix."""


Config = dict[str, str]


def _compacted(_settings: TopicSettings) -> Config:
    return {
        "cleanup.policy": "compact",
        # The active segment is never compacted: small ones keep a restore short.
        "segment.bytes": str(16 * 2**20),
        "segment.ms": "600000",
        "min.cleanable.dirty.ratio": "0.3",
    }


def _deleted_after(hours: float) -> Config:
    milliseconds = int(hours * _HOUR_MS)
    # Retention removes whole segments only, so a segment must not last much longer than the retention.
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(milliseconds),
        "segment.ms": str(max(60_000, min(milliseconds // 4, 24 * _HOUR_MS))),
    }


def _long(settings: TopicSettings) -> Config:
    return _deleted_after(settings.alert_hours)


_APPENDED = {"message.timestamp.type": "LogAppendTime"}


def owner(prefix: str, track: str) -> str:
    """Return the prefix of the names of a track's own topics and groups.

    Neither prefixes nor tracks contain a dot, so a track never has the same names as another prefix.

    Examples
    --------
    >>> owner("fleetleak", "main"), owner("fleetleak", "bold")
    ('fleetleak', 'fleetleak.bold')
    """
    return prefix if track == MAIN else f"{prefix}.{track}"


@dataclass(frozen=True)
class TopicSpec:
    """The layout of one topic, under any prefix.

    Parameters
    ----------
    name
        Its name after the prefix.
    config
        Returns its configuration; `LONG` and `COMPACTED` are the usual ones.
    per_track
        Whether each track has its own.
    foreign
        Whether it belongs to others: `name` is its full name, fleetleak does not create it, and what its
        records hold stays in it.
    """

    name: str
    config: Callable[[TopicSettings], Config]
    per_track: bool = False
    foreign: bool = False

    def under(self, prefix: str, track: str = MAIN) -> str:
        """Return its full name."""
        if self.foreign:
            return self.name
        return f"{owner(prefix, track) if self.per_track else prefix}.{self.name}"


class _Listed:
    """An attribute of `Names`: the spec of the topic on the class, its full name on an instance."""

    def __init__(self, config: Callable[[TopicSettings], Config], per_track: bool = False) -> None:
        self._config = config
        self._per_track = per_track

    def __set_name__(self, owner: type, name: str) -> None:
        self._spec = TopicSpec(name.replace("_", "-"), self._config, self._per_track)

    @overload
    def __get__(self, names: None, owner: type) -> TopicSpec: ...

    @overload
    def __get__(self, names: Names, owner: type) -> str: ...

    def __get__(self, names: Names | None, owner: type) -> TopicSpec | str:
        return self._spec if names is None else self._spec.under(names.prefix, names.track)


LONG, COMPACTED = _long, _compacted


def foreign(name: str) -> TopicSpec:
    """Return the spec of a topic of others."""
    return TopicSpec(name, lambda settings: {}, foreign=True)


class Names:
    """The topics of the product: specs on the class, full names on an instance.

    docs/architecture.md has the table and the reasons.

    Examples
    --------
    >>> names("fleetleak").alert_state
    'fleetleak.alert-state'
    >>> names("fleetleak", "bold").alert_state, names("fleetleak", "bold").alerts
    ('fleetleak.bold.alert-state', 'fleetleak.alerts')
    """

    snapshots = _Listed(lambda settings: _deleted_after(settings.snapshot_hours) | _APPENDED)
    scores = _Listed(lambda settings: _deleted_after(settings.score_hours), per_track=True)
    models = _Listed(COMPACTED, per_track=True)
    alerts = _Listed(LONG)
    silent_alerts = _Listed(LONG)
    alert_state = _Listed(COMPACTED, per_track=True)
    sent = _Listed(COMPACTED)
    drift = _Listed(LONG, per_track=True)
    feedback = _Listed(
        lambda settings: _long(settings) | _APPENDED | {"max.message.bytes": str(2 * MOST_CONTROL_BYTES)}
    )
    dead_letter = _Listed(lambda settings: _long(settings) | {"max.message.bytes": str(16 * 2**20)})
    readings = _Listed(lambda settings: _deleted_after(settings.reading_hours) | _APPENDED)
    assembly = _Listed(COMPACTED)

    def __init__(self, prefix: str, track: str) -> None:
        self.prefix = prefix
        self.track = track

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over all full names."""
        return (spec.under(self.prefix, self.track) for spec in SPECS)


SPECS: tuple[TopicSpec, ...] = tuple(
    getattr(Names, name) for name, value in vars(Names).items() if isinstance(value, _Listed)
)
"""Every topic of the product."""


def names(prefix: str, track: str = MAIN) -> Names:
    """Return the topic names of one track under a prefix."""
    return Names(prefix, track)


class Topic(NamedTuple):
    """The layout of one topic on a cluster."""

    name: str
    partitions: int
    config: Config
    copies: int = 1


def layout(
    prefix: str, settings: TopicSettings, track: str = MAIN, specs: Iterable[TopicSpec] = SPECS
) -> list[Topic]:
    """Return the planned layout of every topic that a track uses.

    All have the same number of partitions: roles read several of them, and match them by partition number.
    """
    return [
        Topic(
            spec.under(prefix, track), settings.partitions, spec.config(settings), settings.replication_factor
        )
        for spec in specs
    ]


def existing(admin: AdminClient) -> dict[str, int]:
    """Return the number of partitions of each topic on the cluster.

    Raises
    ------
    WrongTopics
        If the cluster cannot be reached.
    """
    return {name: partitions for name, (partitions, _) in listed(admin).items()}


def listed(admin: AdminClient) -> dict[str, tuple[int, int]]:
    """Return the number of partitions of each topic, and the lowest replication factor among them.

    Raises
    ------
    WrongTopics
        If the cluster cannot be reached.
    """
    try:
        topics = admin.list_topics(timeout=_LIST_SECONDS).topics
    except KafkaException as error:
        raise WrongTopics(f"the cluster cannot be reached: {error.args[0].str()}") from None
    return {
        name: (len(data.partitions), min((len(p.replicas) for p in data.partitions.values()), default=0))
        for name, data in topics.items()
    }


def create(
    admin: AdminClient, wanted: list[Topic], replication_factor: int, kafka: KafkaSettings | None = None
) -> list[str]:
    """Create the missing topics, and return their names. Existing topics stay as they are.

    Raises
    ------
    WrongTopics
        If one cannot be created, or the cluster does not list it within half a minute.
    """
    there = existing(admin)
    new = [
        NewTopic(t.name, num_partitions=t.partitions, replication_factor=replication_factor, config=t.config)
        for t in wanted
        if t.name not in there
    ]
    if not new:
        return []
    for name, done in admin.create_topics(new, operation_timeout=_TIMEOUT_SECONDS).items():
        try:
            done.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                why = sentence(error, Right("Create", f"topic {name}"), kafka or KafkaSettings())
                raise WrongTopics(f"topic {name} could not be created: {why}") from None
    _wait_until_listed(admin, {t.topic for t in new})
    return [t.topic for t in new]


def delete(admin: AdminClient, names: list[str]) -> None:
    """Delete topics; one that cannot be deleted stays."""
    for done in admin.delete_topics(names, operation_timeout=_TIMEOUT_SECONDS).values():
        with contextlib.suppress(KafkaException):
            done.result()


def _wait_until_listed(admin: AdminClient, created: set[str]) -> None:
    """Wait for the brokers: they list a topic some time after they have created it."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while missing := created - existing(admin).keys():
        if time.monotonic() > deadline:
            raise WrongTopics(f"created, but not listed yet: {', '.join(sorted(missing))}; verify them later")
        time.sleep(0.1)
