"""Reading, writing and running roles in tests."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections.abc import Callable, Iterator

from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client import REGISTRY

from fleetleak.kafka import client, topics
from fleetleak.settings import Settings
from fleetleak.stream import Role, Runtime, Topics
from fleetleak.stream.clients import Makers


def role_topics(settings: Settings) -> Topics:
    """The topics of a processor."""
    names = topics.names(settings.kafka.topic_prefix)
    return Topics(names.snapshots, names.models, names.dead_letter, (names.feedback,))


def send(
    settings: Settings, topic: str, records: list[tuple[bytes, bytes]], partition: int | None = None
) -> None:
    """Publish records, and wait until the broker has them."""
    producer = Producer(client.producer(settings.kafka))
    for key, value in records:
        if partition is None:
            producer.produce(topic, value, key)
        else:
            producer.produce(topic, value, key, partition)
    assert producer.flush(30) == 0


def read_all(settings: Settings, topic: str, partitions: int = 2) -> list[tuple[int, bytes, bytes]]:
    """Return all committed records of a topic, as (partition, key, value)."""
    consumer = Consumer(client.consumer(settings.kafka, "reader", **{"enable.partition.eof": True}))
    try:
        consumer.assign([TopicPartition(topic, n, 0) for n in range(partitions)])
        records: list[tuple[int, bytes, bytes]] = []
        ended: set[int] = set()
        deadline = time.monotonic() + 30
        while len(ended) < partitions and time.monotonic() < deadline:
            for message in consumer.consume(1000, 0.2):
                if message.error() is not None:
                    ended.add(message.partition() or 0)
                else:
                    records.append((message.partition() or 0, message.key() or b"", message.value() or b""))
        assert len(ended) == partitions, f"{topic} could not be read to its end"
        return records
    finally:
        consumer.close()


def wait_for(
    condition: Callable[[], bool], seconds: float = 60, what: str | Callable[[], str] = "it"
) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            # Asked only now: a log says more at the end of the wait than at its beginning.
            words = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {seconds} s in vain for {words}")
        time.sleep(0.05)


@contextlib.contextmanager
def in_thread(run: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run a function in a thread until the block ends; raise its error."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            run(stop)
        except BaseException as error:
            # Shown at once: a test that waits for outputs would hide it.
            traceback.print_exception(error)
            failed.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive(), "it did not stop"
    if failed:
        raise failed[0]


@contextlib.contextmanager
def running(
    settings: Settings, role: Role, makers: Makers | None = None, topics: Topics | None = None
) -> Iterator[Runtime]:
    """Run a role in a thread until the block ends."""
    group = f"{settings.kafka.topic_prefix}-group"
    runtime = Runtime(settings, role, topics or role_topics(settings), group, makers=makers)
    with in_thread(runtime.run):
        yield runtime


def run_to_its_end(settings: Settings, role: Role, makers: Makers | None = None) -> None:
    """Run a role that ends by itself; raise its error."""
    with running(settings, role, makers=makers) as runtime:
        wait_for(lambda: runtime.ready() is None or runtime.owned() != [], what="an assignment")
        wait_for(lambda: runtime.owned() == [], what="the end")


def metric(name: str, **labels: str) -> float:
    """Return the value of a metric of this process; 0 if it was never set."""
    return REGISTRY.get_sample_value(name, labels) or 0.0
