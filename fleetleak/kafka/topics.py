"""The topics: their layout, and the command's plan, create and verify."""

from __future__ import annotations

import time
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it exports them without saying so
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from fleetleak.settings.tree import Topics

_HOUR_MS = 3_600_000
# A model that is imported or lent is larger than any snapshot.
MOST_CONTROL_BYTES = 8 * 2**20
_TIMEOUT_SECONDS = 30.0
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
    return [
        Topic(topic.snapshots, together, _deleted_after(settings.snapshot_hours) | appended),
        Topic(topic.scores, together, _deleted_after(settings.score_hours)),
        Topic(topic.models, together, _COMPACTED),
        Topic(topic.alerts, together, long),
        Topic(topic.silent_alerts, together, long),
        Topic(topic.alert_state, together, _COMPACTED),
        Topic(topic.drift, together, long),
        Topic(topic.feedback, together, long | appended | {"max.message.bytes": str(2 * MOST_CONTROL_BYTES)}),
        Topic(topic.dead_letter, together, long | {"max.message.bytes": str(16 * 2**20)}),
    ]


def existing(admin: AdminClient) -> dict[str, int]:
    """Give the partitions of each topic on the cluster.

    Raises
    ------
    WrongTopics
        If the cluster cannot be reached.
    """
    try:
        found = admin.list_topics(timeout=_TIMEOUT_SECONDS).topics
    except KafkaException as error:
        raise WrongTopics(f"the cluster cannot be reached: {error.args[0].str()}") from None
    return {name: len(data.partitions) for name, data in found.items()}


def create(admin: AdminClient, wanted: list[Topic], replication_factor: int) -> list[str]:
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
                raise WrongTopics(f"topic {name} could not be created: {error.args[0].str()}") from None
    _wait_until_listed(admin, {t.topic for t in new})
    return [t.topic for t in new]


def _wait_until_listed(admin: AdminClient, created: set[str]) -> None:
    """Wait for the brokers: they tell of a topic some time after they took it."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while missing := created - existing(admin).keys():
        if time.monotonic() > deadline:
            raise WrongTopics(f"created, but not listed yet: {', '.join(sorted(missing))}; verify them later")
        time.sleep(0.1)


def problems(admin: AdminClient, wanted: list[Topic]) -> list[str]:
    """Say what does not fit, each with its fix; nothing when all is well."""
    there = existing(admin)
    missing = [t.name for t in wanted if t.name not in there]
    found = [f"topic {name} is missing: run `fleetleak topics create`" for name in missing]
    present = [t for t in wanted if t.name in there]
    return found + _wrong_counts(present, there) + _wrong_configs(admin, present)


def _wrong_counts(present: list[Topic], there: dict[str, int]) -> list[str]:
    return [
        f"topic {t.name} has {there[t.name]} partitions, not {t.partitions}: set topics.partitions to what"
        " the topics have, or recreate them all; they meet by partition number"
        for t in present
        if there[t.name] != t.partitions
    ]


def _wrong_configs(admin: AdminClient, present: list[Topic]) -> list[str]:
    if not present:
        return []
    resources = [ConfigResource(ResourceType.TOPIC, t.name) for t in present]
    answers = {
        r.name: f for r, f in admin.describe_configs(resources, request_timeout=_TIMEOUT_SECONDS).items()
    }
    found = []
    for topic in present:
        try:
            actual = answers[topic.name].result()
        except KafkaException as error:
            why = error.args[0].str().removeprefix("Broker: ")
            found.append(
                f"topic {topic.name} cannot be described ({why}): allow this user DescribeConfigs on it"
            )
            continue
        found += [
            f"topic {topic.name} has {key}={actual[key].value}: alter it to {topic.config[key]}"
            for key in ("cleanup.policy", "message.timestamp.type")
            if key in topic.config and actual[key].value != topic.config[key]
        ]
    return found


def verify(admin: AdminClient, wanted: list[Topic]) -> None:
    """Refuse to start on topics that do not fit.

    Raises
    ------
    WrongTopics
        With every problem and its fix.
    """
    if wrong := problems(admin, wanted):
        raise WrongTopics("; ".join(wrong))
