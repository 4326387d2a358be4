"""The publisher with a broker (librdkafka's own) that is there, is away, and comes back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast, get_type_hints

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge

from fleetleak.observe import metrics as role_metrics
from fleetleak.records import Decoder, Snapshot
from fleetleak.settings import BadSetting
from producers.buffer import Buffer
from producers.publisher import Metrics, Publisher
from tests.kafka.support import wait_for

TOPIC = "fleetleak.snapshots"
QUIET = {"log_level": 0, "error_cb": lambda error: None}


@dataclass
class Counted:
    """The publisher's metrics in a registry of their own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.BUFFERED_RECORDS = Gauge("buffered_records", "-", registry=self.registry)
        self.BUFFERED_BYTES = Gauge("buffered_bytes", "-", registry=self.registry)
        self.DROPPED_RECORDS = Counter("dropped", "-", registry=self.registry)
        self.PUBLISHED_RECORDS = Counter("published", "-", registry=self.registry)
        self.PUBLISH_ERRORS = Counter("errors", "-", registry=self.registry)
        self.INVALID_SNAPSHOTS = Counter("invalid", "-", registry=self.registry)

    def __getitem__(self, name: str) -> float | None:
        return self.registry.get_sample_value(name)


@pytest.fixture(scope="module")
def mock_broker() -> Iterator[str]:
    """A broker of one node, inside librdkafka, that speaks the real protocol over TCP."""
    owner = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    node = owner.list_topics(timeout=30).brokers[1]
    yield f"{node.host}:{node.port}"
    owner.flush(0)


def snapshots(count: int, service: str = "shop/cart") -> list[Snapshot]:
    return [Snapshot(service=service, instance="i", timestamp=float(number)) for number in range(count)]


def publisher_of(
    address: str, metrics: Counted, buffer: Buffer | None = None, config: dict[str, Any] | None = None
) -> Publisher:
    settings = {"bootstrap.servers": address, "client.id": "test", **QUIET, **(config or {})}
    return Publisher(settings, TOPIC, Buffer(10_000, 2**20) if buffer is None else buffer, metrics)


def consume(address: str, service: str, count: int) -> list[tuple[Snapshot, int | None]]:
    """Return the first `count` records of one service, and their partitions."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "test", **QUIET})
    with closing(consumer):
        partitions = consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions
        consumer.assign([TopicPartition(TOPIC, number, 0) for number in partitions])
        records: list[tuple[Snapshot, int | None]] = []
        while len(records) < count:
            for message in consumer.consume(1000, 0.2):
                if message.key() == service.encode():
                    records += [(Decoder(Snapshot).decode(message.value()), message.partition())]
    return records


def pump_until_empty(publisher: Publisher) -> None:
    waiting = threading.Event()
    while publisher.waiting:
        publisher.pump()
        waiting.wait(0.02)


def test_the_roles_metrics_are_those_the_publisher_needs() -> None:
    for name, kind in get_type_hints(Metrics).items():
        assert isinstance(getattr(role_metrics, name), kind)


def test_snapshots_arrive_in_order_under_their_service(mock_broker: str) -> None:
    counted = Counted()
    publisher = publisher_of(mock_broker, counted)
    publisher.publish(snapshots(2500, "order"))  # more than the client's window holds
    assert publisher.close(30.0) == 0
    got = consume(mock_broker, "order", 2500)
    assert [snapshot.timestamp for snapshot, _ in got] == [float(number) for number in range(2500)]
    assert len({partition for _, partition in got}) == 1
    assert counted["published_total"] == 2500
    assert (counted["buffered_records"], counted["buffered_bytes"], counted["dropped_total"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("key", "hashed"),
    # The test vectors of Kafka's own client (UtilsTest.testMurmur2).
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536)],
)
def test_partitions_are_those_of_the_java_client(mock_broker: str, key: str, hashed: int) -> None:
    publisher = publisher_of(mock_broker, Counted())
    publisher.publish(snapshots(1, key))
    assert publisher.close(30.0) == 0
    ((_, partition),) = consume(mock_broker, key, 1)
    consumer = Consumer({"bootstrap.servers": mock_broker, "group.id": "count", **QUIET})
    with closing(consumer):
        count = len(consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions)
    assert count > 1
    assert partition == (hashed & 0x7FFFFFFF) % count


@contextmanager
def door(port: int, address: str) -> Iterator[None]:
    """Listen on `port` and pass each connection on to `address`."""
    host, _, target = address.rpartition(":")
    server = socket.create_server(("127.0.0.1", port))
    ends: list[socket.socket] = []

    def copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass  # one end was closed

    def accept() -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.create_connection((host, int(target)))
            ends.extend([near, far])
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        acceptor.join()
        for end in ends:
            end.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_while_the_broker_is_away_a_bounded_number_waits_and_then_arrives(mock_broker: str) -> None:
    port = free_port()
    counted = Counted()
    buffer = Buffer(50, 2**20)
    publisher = publisher_of(f"127.0.0.1:{port}", counted, buffer, config={"reconnect.backoff.max.ms": 200})
    for start in range(0, 1200, 100):
        publisher.publish(snapshots(1200, "away")[start : start + 100])
    assert publisher.waiting == 1050
    assert (counted["buffered_records"], counted["dropped_total"], counted["published_total"]) == (
        1050,
        150,
        0,
    )
    assert counted["buffered_bytes"] == 1050 * buffer.size / 50 - _shorter_numbers()
    with door(port, mock_broker):
        pump_until_empty(publisher)
    times = [snapshot.timestamp for snapshot, _ in consume(mock_broker, "away", 1050)]
    assert times == [float(number) for number in [*range(1000), *range(1150, 1200)]]
    assert counted["published_total"] == 1050
    assert counted["buffered_bytes"] == 0


def _shorter_numbers() -> int:
    # Timestamps below 1000 have fewer digits than those the buffer holds.
    return 900 * 1 + 90 * 2 + 10 * 3


def test_what_cannot_be_delivered_in_time_is_told(caplog: pytest.LogCaptureFixture) -> None:
    publisher = publisher_of(f"127.0.0.1:{free_port()}", Counted())
    publisher.publish(snapshots(7))
    assert publisher.close(0.3) == 7
    assert "records not delivered at the end: 7" in caplog.text


def test_a_record_that_is_refused_does_not_hold_up_the_others(mock_broker: str) -> None:
    counted = Counted()
    publisher = publisher_of(mock_broker, counted, config={"message.max.bytes": 2000})
    labels = {f"label{number}": "x" * 256 for number in range(12)}
    huge = Snapshot(service="refused", instance="i", timestamp=0.0, labels=labels)
    publisher.publish([huge, *snapshots(3, "refused")])
    assert publisher.close(30.0) == 0
    assert (counted["errors_total"], counted["published_total"]) == (1, 3)
    assert [one.timestamp for one, _ in consume(mock_broker, "refused", 3)] == [0.0, 1.0, 2.0]


def test_what_no_reader_would_take_is_not_sent(mock_broker: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    counted = Counted()
    publisher = publisher_of(mock_broker, counted)
    wrong = [
        Snapshot(service="own", instance="i", timestamp=-1.0),
        Snapshot(service="own", instance="i", timestamp=0.0, used=2**64),
        Snapshot(service="own", instance="i", timestamp=0.0, anon=-1),
        Snapshot(service="own", instance="i", timestamp=0.0, cpu_seconds=float("inf")),
        Snapshot(service="own", instance="", timestamp=0.0),
        Snapshot(service="o\udcffn", instance="i", timestamp=0.0),
        Snapshot(service="own", instance="i", timestamp=0.0, labels={str(n): "" for n in range(33)}),
    ]
    for one in wrong:
        publisher.publish([one, *snapshots(1, "own")])
    publisher.publish(snapshots(1, "own"))
    assert publisher.close(30.0) == 0
    assert (counted["invalid_total"], counted["published_total"]) == (len(wrong), len(wrong) + 1)
    assert len(consume(mock_broker, "own", len(wrong) + 1)) == len(wrong) + 1
    assert [record.message for record in caplog.records] == [
        "snapshots: invalid (first 'own': Expected `float` >= 0.0 - at `$.timestamp`)",
        "snapshots: ok",
    ]


def test_only_idempotent_and_compressing_clients_are_made() -> None:
    made: list[dict[str, Any]] = []

    def connect(config: dict[str, Any]) -> Producer:
        made.append(config)
        return cast(Producer, object())

    given = {"bootstrap.servers": "b", "enable.idempotence": "TRUE", "linger.ms": 7}
    Publisher(given, TOPIC, Buffer(1, 1), Counted(), connect)
    (config,) = made
    assert config["enable.idempotence"] is True
    assert (config["compression.type"], config["linger.ms"]) == ("zstd", 7)


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("enable.idempotence", "false", "true"),
        ("partitioner", "consistent", "murmur2_random"),
        ("message.timeout.ms", "300000", "0"),
        ("delivery.timeout.ms", "300000", "0"),
        ("queue.buffering.max.messages", "100000", "1000"),
        ("queue.buffering.max.kbytes", "1048576", "1024"),
    ],
)
def test_a_property_that_it_depends_on_is_refused_by_name(name: str, value: str, needed: str) -> None:
    with pytest.raises(BadSetting) as caught:
        publisher_of("b", Counted(), config={name: value})
    message = f"setting kafka.properties: the producer needs {name}={needed}: leave {name} out"
    assert str(caught.value) == message


class Broken:
    """A client that fails for good at its second record."""

    def __init__(self, _config: dict[str, Any]) -> None:
        self.records: list[bytes] = []
        self.callbacks: list[Any] = []

    def poll(self, _seconds: float) -> None:
        pass

    def flush(self, _seconds: float) -> None:
        for delivered in self.callbacks:
            delivered(None, None)
        self.callbacks.clear()

    def produce(self, _topic: str, *, key: bytes, value: bytes, on_delivery: Any) -> None:
        if len(self.records) == 1:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        self.records.append(value)
        self.callbacks.append(on_delivery)


def test_a_client_that_failed_for_good_is_replaced() -> None:
    counted = Counted()
    made: list[Broken] = []

    def connect(config: dict[str, Any]) -> Producer:
        made.append(Broken(config))
        return cast(Producer, made[-1])

    publisher = Publisher({}, TOPIC, Buffer(10, 1000), counted, connect)
    publisher.publish(snapshots(2))
    assert (len(made), publisher.waiting, counted["errors_total"]) == (2, 1, 1)
    assert publisher.close(5.0) == 0
    assert (len(made[1].records), counted["published_total"]) == (1, 1)


def test_that_kafka_is_away_is_told_once_with_what_is_buffered(
    mock_broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    port = free_port()
    publisher = publisher_of(f"127.0.0.1:{port}", Counted(), config={"reconnect.backoff.max.ms": 200})
    publisher.publish(snapshots(7))

    def lines() -> list[str]:
        publisher.pump()
        return [r.message for r in caplog.records if r.name == "fleetleak.kafka.reach"]

    wait_for(lambda: bool(lines()), what="the line")
    with door(port, mock_broker):
        wait_for(lambda: len(lines()) == 2, what="the other line")
    away, back = lines()
    assert away.startswith(f"kafka is away: 127.0.0.1:{port}: connection refused: ")
    assert "; buffering: 7 snapshots are held, room for about " in away
    assert back.endswith(" s; 7 snapshots were buffered, 0 dropped")


class Refusing:
    """A client whose broker refuses every record with the same error."""

    def __init__(self, code: int) -> None:
        self._error = KafkaError(code)
        self._callbacks: list[Any] = []

    def produce(self, _topic: str, *, key: bytes, value: bytes, on_delivery: Any) -> None:
        self._callbacks.append(on_delivery)

    def poll(self, _seconds: float) -> None:
        while self._callbacks:
            self._callbacks.pop()(self._error, None)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            KafkaError.UNKNOWN_TOPIC_OR_PART,
            f"topic {TOPIC} does not exist: run `fleetleak topics create`",
        ),
        (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            f"allow this user the operation Write on topic {TOPIC}",
        ),
    ],
)
def test_a_refused_record_is_told_with_the_fix(
    caplog: pytest.LogCaptureFixture, code: int, told: str
) -> None:
    connect = cast(Any, lambda _config: Refusing(code))
    Publisher({}, TOPIC, Buffer(10, 1000), Counted(), connect).publish(snapshots(1))
    assert told in caplog.text
