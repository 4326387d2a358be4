"""The topics: their layout, and the command's plan, create and verify."""

from __future__ import annotations

import time
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it exports them without saying so
    AdminClient,
    NewTopic,
)

from fleetleak.kafka.trouble import Right, sentence
from fleetleak.settings.tree import Kafka, Topics

_HOUR_MS = 3_600_000
# A model that is imported or lent is larger than any snapshot.
MOST_CONTROL_BYTES = 8 * 2**20
_TIMEOUT_SECONDS = 30.0
_LIST_SECONDS = 8.0
MAIN = "main"
"""The track that speaks until another is promoted (docs/tracks.md)."""
_DERIVED = frozenset({"scores", "models", "alert_state", "drift"})
_COMPACTED = {
    "cleanup.policy": "compact",
    # The active segment is never compacted: small ones keep a restore short.
    "segment.bytes": str(16 * 2**20),
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.3",
}


class WrongTopics(RuntimeError):
    """The cluster's topics do not fit; the message says the fix."""


class Names(NamedTuple):
    """Full topic names."""

    snapshots: str
    scores: str
    models: str
    alerts: str
    silent_alerts: str
    alert_state: str
    drift: str
    feedback: str
    dead_letter: str


def owner(prefix: str, track: str) -> str:
    """Give what the names of a track's own topics and groups begin with.

    Neither prefixes nor tracks hold a dot, so no track of one prefix meets another prefix.

    Examples
    --------
    >>> owner("fleetleak", "main"), owner("fleetleak", "bold")
    ('fleetleak', 'fleetleak.bold')
    """
    return prefix if track == MAIN else f"{prefix}.{track}"


def names(prefix: str, track: str = MAIN) -> Names:
    """Give the topic names under a prefix, as one track has them.

    Examples
    --------
    >>> names("fleetleak").alert_state
    'fleetleak.alert-state'
    >>> names("fleetleak", "bold").alert_state, names("fleetleak", "bold").alerts
    ('fleetleak.bold.alert-state', 'fleetleak.alerts')
    """
    ours = owner(prefix, track)
    return Names(
        *(f"{ours if part in _DERIVED else prefix}.{part.replace('_', '-')}" for part in Names._fields)
    )


class Topic(NamedTuple):
    """How one topic is laid out."""

    name: str
    partitions: int
    config: dict[str, str]
    copies: int = 1


def _deleted_after(hours: float) -> dict[str, str]:
    milliseconds = int(hours * _HOUR_MS)
    # Retention removes whole segments only, so a segment must not outlive the retention by much.
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(milliseconds),
        "segment.ms": str(max(60_000, min(milliseconds // 4, 24 * _HOUR_MS))),
    }


def layout(prefix: str, settings: Topics, track: str = MAIN) -> list[Topic]:
    """Give every topic a track uses as it should be (docs/architecture.md has the table and the reasons)."""
    topic = names(prefix, track)
    # Snapshots, scores, models, alert state and feedback meet by partition number.
    together = settings.partitions
    appended = {"message.timestamp.type": "LogAppendTime"}
    long = _deleted_after(settings.alert_hours)
    control = {"max.message.bytes": str(2 * MOST_CONTROL_BYTES)}
    configs = {
        topic.snapshots: _deleted_after(settings.snapshot_hours) | appended,
        topic.scores: _deleted_after(settings.score_hours),
        topic.models: _COMPACTED,
        topic.alerts: long,
        topic.silent_alerts: long,
        topic.alert_state: _COMPACTED,
        topic.drift: long,
        topic.feedback: long | appended | control,
        topic.dead_letter: long | {"max.message.bytes": str(16 * 2**20)},
    }
    return [Topic(name, together, config, settings.replication_factor) for name, config in configs.items()]


def existing(admin: AdminClient) -> dict[str, int]:
    """Give the partitions of each topic on the cluster.

    Raises
    ------
    WrongTopics
        If the cluster cannot be reached.
    """
    return {name: partitions for name, (partitions, _) in listed(admin).items()}


def listed(admin: AdminClient) -> dict[str, tuple[int, int]]:
    """Give the partitions of each topic, and the fewest copies that one of them has."""
    try:
        found = admin.list_topics(timeout=_LIST_SECONDS).topics
    except KafkaException as error:
        raise WrongTopics(f"the cluster cannot be reached: {error.args[0].str()}") from None
    return {
        name: (len(data.partitions), min((len(p.replicas) for p in data.partitions.values()), default=0))
        for name, data in found.items()
    }


def create(
    admin: AdminClient, wanted: list[Topic], replication_factor: int, kafka: Kafka | None = None
) -> list[str]:
    """Create the topics that are missing; give their names. What exists is left as it is.

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
                why = sentence(error, Right("Create", f"topic {name}"), kafka or Kafka())
                raise WrongTopics(f"topic {name} could not be created: {why}") from None
    _wait_untillisted(admin, {t.topic for t in new})
    return [t.topic for t in new]


def _wait_untillisted(admin: AdminClient, created: set[str]) -> None:
    """Wait for the brokers: they tell of a topic some time after they took it."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while missing := created - existing(admin).keys():
        if time.monotonic() > deadline:
            raise WrongTopics(f"created, but not listed yet: {', '.join(sorted(missing))}; verify them later")
        time.sleep(0.1)
