"""Runs the Collector with a configuration of deploy/collector against a real Kafka, and reads its topic."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from fleetleak.kafka import client
from fleetleak.kafka.broker import die_with_parent
from fleetleak.settings.tree import KafkaSettings
from tests.collector.build import collector
from tests.collector.fixtures import Message
from tests.collector.sources import Run, Source
from tests.kafka.support import wait_for

CONFIGS = Path(__file__).parents[2] / "deploy" / "collector"


class Export(NamedTuple):
    """What of the exporter's configuration a run changes."""

    encoding: str = "otlp_proto"
    keyed: bool = True


def collected(
    source: Source, bootstrap_servers: str, folder: Path, collections: int = 1, export: Export | None = None
) -> list[Message]:
    """Return the messages of the first collections of a source."""
    export = export or Export()
    wanted = collections * (source.messages if export.keyed else 1)
    with source.start(folder) as run:
        found = sent(
            source.config, bootstrap_servers, folder, run, export, lambda found: len(found) >= wanted
        )
    return found[:wanted]


def sent(
    config: str, bootstrap_servers: str, folder: Path, run: Run, export: Export,
    enough: Callable[[list[Message]], bool],
) -> list[Message]:  # fmt: skip
    """Run the Collector until what it sent is enough; return that."""
    kafka = KafkaSettings()
    kafka.bootstrap_servers = bootstrap_servers
    found: list[Message] = []
    with sending(config, kafka, folder, run, export) as (topic, log), _reader(kafka, topic) as reader:
        wait_for(
            lambda: enough(_read_into(found, reader)),
            what=lambda: f"more than {len(found)} messages: {log.read_text()[-3000:]}",
        )
    return found


@contextmanager
def sending(
    config: str, kafka: KafkaSettings, folder: Path, run: Run, export: Export
) -> Iterator[tuple[str, Path]]:
    """Run the Collector until the block ends; yield the topic that it writes to, and its log."""
    topic = _topic(kafka)
    environment = run.environment | {"KAFKA_BROKERS": kafka.bootstrap_servers}
    changes = _merged(run.changes, _exporting(topic, export))
    with running(config, folder, Run(environment, changes)) as log:
        yield topic, log


@contextmanager
def running(config: str, folder: Path, run: Run) -> Iterator[Path]:
    """Run the Collector until the block ends; yield its log."""
    log = folder / "collector.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [collector(), *arguments(config, folder, run.changes)], env=os.environ | run.environment,
            stdout=out, stderr=out, preexec_fn=die_with_parent,
        ) as process,
    ):  # fmt: skip
        try:
            yield log
        finally:
            process.terminate()
    assert process.returncode == 0, log.read_text()[-3000:]


def arguments(config: str, folder: Path, changes: Mapping[str, Any]) -> list[str]:
    """Return the arguments that name a configuration and what differs from it."""
    changed = folder / "changes.yaml"
    # Its own metrics would need a port.
    quiet = {"service": {"telemetry": {"metrics": {"level": "none"}}}}
    changed.write_text(yaml.safe_dump(_merged(changes, quiet)))
    return ["--config", str(CONFIGS / f"{config}.yaml"), "--config", str(changed)]


def _exporting(topic: str, export: Export) -> dict[str, Any]:
    changed = {
        "metrics": {"topic": topic, "encoding": export.encoding},
        "partition_metrics_by_resource_attributes": export.keyed,
    }
    return {"exporters": {"kafka": changed}}


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return both trees in one."""
    merged = dict(one)
    for name, value in other.items():
        merged[name] = _merged(merged[name], value) if isinstance(merged.get(name), dict) else value
    return merged


def _topic(kafka: KafkaSettings) -> str:
    topic = f"collector-{uuid.uuid4().hex[:10]}"
    # The client must live until the topic is there.
    admin = AdminClient(client.common(kafka))
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    return topic


@contextmanager
def _reader(kafka: KafkaSettings, topic: str) -> Iterator[Consumer]:
    consumer = Consumer(client.consumer(kafka, "collected"))
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        yield consumer
    finally:
        consumer.close()


def _read_into(found: list[Message], reader: Consumer) -> list[Message]:
    for message in reader.consume(100, 0.1):
        assert message.error() is None, message.error()
        value = message.value()
        assert value is not None
        found.append((message.key(), value))
    return found
