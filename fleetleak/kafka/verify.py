"""Comparing the topics of the cluster with the plan: each problem is one line that ends with its fix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it exports them without saying so
    AdminClient,
    ConfigResource,
    ResourceType,
)

from fleetleak.kafka.topics import Topic, WrongTopics, listed
from fleetleak.kafka.trouble import Right, denied, sentence
from fleetleak.settings.tree import KafkaSettings

_TIMEOUT_SECONDS = 8.0
_BREAKING = ("cleanup.policy", "message.timestamp.type")


class Problem(NamedTuple):
    """One thing that does not fit; no role can work with a `breaking` one."""

    what: str
    fix: str
    breaking: bool = True

    def __str__(self) -> str:
        """Return both as one line."""
        return f"{self.what}: {self.fix}"


def problems(admin: AdminClient, wanted: list[Topic], kafka: KafkaSettings) -> list[Problem]:
    """Return the differences from the plan, in groups; an empty list if all topics fit.

    Raises
    ------
    WrongTopics
        If the cluster cannot be reached.
    """
    there = listed(admin)
    absent = [t.name for t in wanted if t.name not in there]
    hidden = _hidden(admin, absent)
    present = [t for t in wanted if t.name in there]
    counts = {name: partitions for name, (partitions, _) in there.items()}
    copies = {name: copies for name, (_, copies) in there.items()}
    return [
        *(Problem(f"topic {n} is hidden", Right("Describe", f"topic {n}").missing(kafka)) for n in hidden),
        *_missing([name for name in absent if name not in hidden]),
        *_wrong_counts(present, counts),
        *_wrong_copies(present, copies),
        *_wrong_configs(admin, present, kafka),
    ]


def _hidden(admin: AdminClient, names: list[str]) -> list[str]:
    """Return the topics that may exist: brokers do not list a topic that the user may not describe."""
    if not names:
        return []
    answers = admin.describe_topics(TopicCollection(names), request_timeout=_TIMEOUT_SECONDS)
    hidden = []
    for name, answer in answers.items():
        try:
            answer.result()
        except KafkaException as error:
            if denied(error.args[0]):
                hidden.append(name)
    return hidden


def _topics(names: list[str], one: str, many: str) -> str:
    """Return the names of topics as the subject of a sentence."""
    return f"topic {names[0]} {one}" if len(names) == 1 else f"topics {', '.join(names)} {many}"


def _missing(names: list[str]) -> list[Problem]:
    if not names:
        return []
    count = f"{len(names)} topics are missing: {', '.join(names)}"
    what = f"topic {names[0]} is missing" if len(names) == 1 else count
    return [Problem(what, "run `fleetleak topics create`")]


def _grouped(compared: Iterable[tuple[Topic, object, object]]) -> dict[tuple[object, object], list[str]]:
    """Group topics by (actual, planned) value where these differ."""
    groups: dict[tuple[object, object], list[str]] = {}
    for topic, actual, planned in compared:
        if actual != planned:
            groups.setdefault((actual, planned), []).append(topic.name)
    return groups


def _wrong_counts(present: list[Topic], there: dict[str, int]) -> list[Problem]:
    groups = _grouped((t, there[t.name], t.partitions) for t in present)
    fix = "set topics.partitions to what the topics have, or recreate them all; they meet by partition number"
    return [
        Problem(f"{_topics(names, 'has', 'have')} {actual} partitions, not {planned}", fix)
        for (actual, planned), names in groups.items()
    ]


def _wrong_copies(present: list[Topic], there: dict[str, int]) -> list[Problem]:
    groups = _grouped((t, there[t.name], t.copies) for t in present)
    return [
        Problem(
            f"{_topics(names, 'has', 'have')} replication factor {actual}, not {planned}",
            f"set topics.replication_factor to {actual}, or change it with kafka-reassign-partitions.sh",
            breaking=False,
        )
        for (actual, planned), names in groups.items()
    ]


def _wrong_configs(admin: AdminClient, present: list[Topic], kafka: KafkaSettings) -> list[Problem]:
    actual, wrong = _configs(admin, present, kafka)
    for key in dict.fromkeys(key for topic in present for key in topic.config):
        groups = _grouped(
            (t, actual[t.name].get(key), t.config[key])
            for t in present
            if key in t.config and t.name in actual
        )
        wrong += [
            Problem(
                f"{_topics(names, 'has', 'have')} {key}={is_}, not {planned}",
                _alter(names, f"{key}={planned}", kafka),
                breaking=key in _BREAKING,
            )
            for (is_, planned), names in groups.items()
        ]
    return wrong


def _alter(names: list[str], config: str, kafka: KafkaSettings) -> str:
    """Return the command of Kafka's own tools that sets a config of topics."""
    several = len(names) > 1
    command = (
        f"kafka-configs.sh --bootstrap-server {kafka.bootstrap_servers} --alter --entity-type topics"
        f" --entity-name {'$t' if several else names[0]} --add-config {config}"
    )
    return f"for t in {' '.join(names)}; do {command}; done" if several else command


def _configs(
    admin: AdminClient, present: list[Topic], kafka: KafkaSettings
) -> tuple[dict[str, dict[str, str]], list[Problem]]:
    """Return the configuration of each topic, and a problem for each topic that cannot be described."""
    actual: dict[str, dict[str, str]] = {}
    unseen: list[Problem] = []
    resources = [ConfigResource(ResourceType.TOPIC, t.name) for t in present]
    answers = admin.describe_configs(resources, request_timeout=_TIMEOUT_SECONDS) if resources else {}
    for resource, answer in answers.items():
        name = resource.name
        try:
            actual[name] = {key: entry.value for key, entry in answer.result().items()}
        except KafkaException as error:
            why = sentence(error, Right("DescribeConfigs", f"topic {name}"), kafka)
            unseen.append(Problem(f"topic {name} cannot be described", why))
    return actual, unseen


def verify(admin: AdminClient, wanted: list[Topic], kafka: KafkaSettings) -> None:
    """Refuse topics that no role can work with.

    Raises
    ------
    WrongTopics
        With every breaking problem and its fix.
    """
    if wrong := [str(problem) for problem in problems(admin, wanted, kafka) if problem.breaking]:
        raise WrongTopics("; ".join(wrong))
