"""`fleetleak bridge` on a real Kafka: a Collector's topic to scores, exactly once; and unreadable records."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.records import Decoder, Reading, Score, Snapshot
from fleetleak.settings import Settings
from fleetleak.stream import dead_letter
from tests.bridge import otlp
from tests.e2e.support import running
from tests.kafka.support import read_all, wait_for

pytestmark = pytest.mark.kafka

PARTITIONS = 3
SECRET = b"hunter2"
PODS = [f"cart-7d9f8c6b5-x2x4{letter}" for letter in "zxv"]
TICKS = 40
BRIDGES = {"otlp": ["bridge", "otlp"], "snapshots": ["bridge", "snapshots"]}


@pytest.fixture
def foreign(settings: Settings) -> str:
    """The topic of a Collector: its name, its number of partitions and its clock are not ours."""
    topic = topics.Topic(
        f"otel.{settings.kafka.topic_prefix}", PARTITIONS, {"message.timestamp.type": "CreateTime"}
    )
    topics.create(AdminClient(client.common(settings.kafka)), [topic], 1)
    return topic.name


def messages(ticks: range) -> list[bytes]:
    """Return what a Collector collects of three pods, with limits from another receiver."""
    begin = time.time() - 86_400
    every = []
    for number in ticks:
        at = begin + 30.0 * number
        pods = [
            otlp.kubelet(at, (100 + number) * otlp.MIB, {**otlp.WITH_ATTRIBUTES, "k8s.pod.name": pod}, None)
            for pod in PODS
        ]
        every.append(otlp.message(*pods))
        every.append(otlp.message(({**otlp.POD, "k8s.pod.name": PODS[0]}, otlp.cluster(at, 2**30)[1])))
    return every


def publish(settings: Settings, topic: str, values: list[bytes | None], **properties: object) -> None:
    """Publish to the first partition, in order, as a Collector does that has no key."""
    producer = Producer(client.producer(settings.kafka, **properties))
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def snapshots(settings: Settings) -> list[Snapshot]:
    decode = Decoder(Snapshot).decode
    names = topics.names(settings.kafka.topic_prefix)
    return [decode(value) for _, _, value in read_all(settings, names.snapshots)]


def test_a_collectors_topic_is_scored_exactly_once(settings: Settings, tmp_path: Path, foreign: str) -> None:
    every = messages(range(TICKS))
    half = len(every) // 2
    publish(settings, foreign, list(every[:half]), **{"compression.type": "zstd"})
    commands = BRIDGES | {"processor": ["processor"]}
    with running(settings, tmp_path, commands, FLEETLEAK_BRIDGE_TOPIC=foreign) as roles:
        wait_for(lambda: len(snapshots(settings)) >= 3 * (TICKS // 2 - 1), what="the first half")
        for name in BRIDGES:
            roles[name].process.send_signal(signal.SIGKILL)
            roles[name].process.wait(30)
    publish(settings, foreign, list(every[half:]), **{"compression.type": "gzip"})
    with running(settings, tmp_path, commands, FLEETLEAK_BRIDGE_TOPIC=foreign) as roles:
        wait_for(lambda: len(snapshots(settings)) >= 3 * (TICKS - 1), what="the second half")
        assert all(role.end() < 10 for role in roles.values())
    found = snapshots(settings)
    # The last moment of each waits for a later one.
    assert len(found) == 3 * (TICKS - 1)
    for pod in PODS:
        own = [one for one in found if one.instance == f"shop.{pod}.cart"]
        assert [one.anon for one in own] == [(100 + n) * otlp.MIB for n in range(TICKS - 1)]
        assert {one.service for one in own} == {"shop/cart/cart"}
        assert {one.limit for one in own[1:]} == ({2**30} if pod == PODS[0] else {None})
    names = topics.names(settings.kafka.topic_prefix)
    scores = [Decoder(Score).decode(value) for _, _, value in read_all(settings, names.scores)]
    assert {(one.instance, one.time) for one in scores} <= {(one.instance, one.timestamp) for one in found}
    assert scores


def test_a_dead_letter_of_others_has_no_value(settings: Settings, tmp_path: Path, foreign: str) -> None:
    bad = [b"\x0a\xffpassword=" + SECRET, b'{"password":"' + SECRET + b'"}', None]
    publish(settings, foreign, [*bad, *messages(range(3))])
    with running(settings, tmp_path, BRIDGES, FLEETLEAK_BRIDGE_TOPIC=foreign) as roles:
        wait_for(lambda: len(snapshots(settings)) == 6, what="snapshots")
        wait_for(lambda: "dead letters" in roles["otlp"].log(), what="the log")
        assert 'dead_letters_total{reason="malformed"} 1.0' in roles["otlp"].get("/metrics")[1]
        assert SECRET.decode() not in roles["otlp"].log()
    names = topics.names(settings.kafka.topic_prefix)
    consumer = Consumer(client.consumer(settings.kafka, "letters"))
    consumer.assign([TopicPartition(names.dead_letter, number, 0) for number in range(2)])
    letters = consumer.consume(3, 30)
    consumer.close()
    assert [(letter.key(), letter.value()) for letter in letters] == [(None, None)] * 3
    origins = [dead_letter.origin_of(letter) for letter in letters]
    assert {(one.topic, one.partition) for one in origins} == {(foreign, 0)}
    assert sorted((one.offset, one.reason) for one in origins) == [
        (0, "malformed"),
        (1, "invalid"),
        (2, "empty"),
    ]
    assert not any(SECRET in str(one).encode() for one in origins)


def test_no_command_line_gets_beyond_the_bridge(settings: Settings, tmp_path: Path, foreign: str) -> None:
    attributes: otlp.Attributes = {"host.name": "node-a", "process.pid": 7, "process.executable.name": "java"}
    process: otlp.Attributes = {**attributes, "process.command_line": f"java -Dpassword={SECRET.decode()}"}
    at = time.time() - 3600
    resources = [(process, [otlp.Point("process.memory.usage", 2**26, at + 30 * n)]) for n in range(3)]
    publish(settings, foreign, [otlp.message(one) for one in resources])
    with running(settings, tmp_path, BRIDGES, FLEETLEAK_BRIDGE_TOPIC=foreign):
        wait_for(lambda: len(snapshots(settings)) == 2, what="snapshots")
    names = topics.names(settings.kafka.topic_prefix)
    readings = read_all(settings, names.readings)
    assert {Decoder(Reading).decode(value).says for _, _, value in readings} == {"measured"}
    for topic in (names.readings, names.snapshots):
        assert not any(SECRET in key + value for _, key, value in read_all(settings, topic))


def test_a_topic_that_is_missing_is_named(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, {"otlp": BRIDGES["otlp"]}, FLEETLEAK_BRIDGE_TOPIC="nowhere") as roles:
        assert roles["otlp"].process.wait(60) == 1
        assert "topic nowhere is missing" in roles["otlp"].log()
        assert "--topic" in roles["otlp"].log()


def test_a_track_has_no_bridge_of_its_own(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, BRIDGES, FLEETLEAK_KAFKA_TRACK="bold") as roles:
        for role in roles.values():
            assert role.process.wait(60) == 2
            assert "kafka.track" in role.log()


def test_a_topic_of_kafka_or_of_fleetleak_is_refused(settings: Settings, tmp_path: Path) -> None:
    for topic in ("__consumer_offsets", f"{settings.kafka.topic_prefix}.dead-letter"):
        with running(settings, tmp_path, {"otlp": [*BRIDGES["otlp"], "--topic", topic]}) as roles:
            assert roles["otlp"].process.wait(60) == 2
            assert "bridge.topic" in roles["otlp"].log()


def test_otlp_has_a_format_of_its_own(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, BRIDGES, FLEETLEAK_BRIDGE_FORMAT="vector") as roles:
        assert roles["otlp"].process.wait(60) == 2
        assert "bridge.format" in roles["otlp"].log()


def test_a_wrong_format_pauses_and_says_what_to_look_at(
    settings: Settings, tmp_path: Path, foreign: str
) -> None:
    publish(settings, foreign, list(messages(range(100))))
    commands = {"kafka": ["bridge", "kafka", "--format", "collectd", "--topic", foreign]}
    with running(settings, tmp_path, commands) as roles:
        roles["kafka"].wait_told("paused at offset")
        assert "Correct --topic or --format" in roles["kafka"].get("/readyz")[1]


def test_what_a_bridge_of_kafka_needs_is_asked_for(settings: Settings, tmp_path: Path) -> None:
    for words, asked in (([], "bridge.format"), (["--format", "vector"], "bridge.topic")):
        with running(settings, tmp_path, {"kafka": ["bridge", "kafka", *words]}) as roles:
            assert roles["kafka"].process.wait(60) == 2
            assert asked in roles["kafka"].log()
