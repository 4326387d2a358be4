"""Records, processes and brokers that misbehave have a documented outcome (docs/guarantees.md)."""

from __future__ import annotations

import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from confluent_kafka import Producer

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.settings import Settings
from fleetleak.stream import Applied, Key, Record
from fleetleak.stream.watchdog import EXIT_STALLED
from tests.faults.cluster import broker_for_faults, only_long, settings_for_faults
from tests.faults.fleet import Worker, one
from tests.faults.outcome import caught_up
from tests.faults.recorded import chain_input, publish
from tests.kafka.counting import KEYS, Counting, last_counts, score
from tests.kafka.support import metric, read_all, run_to_its_end, running, send, wait_for

pytestmark = pytest.mark.kafka

LETTERS = "fleetleak_runtime_dead_letters_total"


@only_long
def test_a_broker_that_restarts_is_waited_for(
    settings: Settings, names: topics.Names, broker: EmbeddedBroker
) -> None:
    role = Counting(names.scores)
    send(settings, names.snapshots, [(b"k0", b"x")] * 10, 0)
    with running(settings, role):
        wait_for(lambda: len(read_all(settings, names.scores)) == 10)
        broker.stop(signal.SIGKILL)
        time.sleep(1)
        broker.start()
        send(settings, names.snapshots, [(b"k0", b"x")] * 10, 0)
        wait_for(lambda: len(read_all(settings, names.scores)) == 20, what="outputs after the restart")
    assert last_counts(settings) == {b"k0": 20}


class Panic(BaseException):
    """A BaseException that is no Exception, as a Rust-backed object raises."""


class Delicate(Counting):
    """A role that raises a BaseException on `panic`, and ends the process on `leave`."""

    def apply(self, records: Sequence[Record]) -> Applied:
        applied = super().apply(records)
        if any(record.value == b"panic" for record in records):
            raise Panic
        if any(record.value == b"leave" for record in records):
            raise SystemExit
        return applied

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        done = super().control(record)
        if record.value == b"panic":
            raise Panic
        return done


def test_a_record_that_makes_a_role_fail_costs_only_itself(settings: Settings, names: topics.Names) -> None:
    before = metric(LETTERS, reason="failed")
    records = [(b"k0", b"x")] * 50
    send(settings, names.snapshots, [*records, (b"k0", b"panic"), *records, (b"k0", b"boom"), *records], 0)
    send(settings, names.feedback, [(b"k0", b"label"), (b"k0", b"panic"), (b"k0", b"label")], 0)
    role = Delicate(names.scores)
    with running(settings, role):
        wait_for(lambda: len(read_all(settings, names.scores)) == 150, what="the outputs")
        wait_for(lambda: list(role.counts.values()) == [2150], what="both labels")
    dead = Counter(value for _, _, value in read_all(settings, names.dead_letter))
    assert dead == {b"panic": 2, b"boom": 1}
    assert metric(LETTERS, reason="failed") - before >= 3


def test_a_role_that_ends_takes_no_output_with_it(settings: Settings, names: topics.Names) -> None:
    settings.runtime.commit_interval_seconds = 60
    settings.runtime.batch_records = 10
    send(settings, names.snapshots, [(b"k0", b"x")] * 5 + [(b"k1", b"x")] * 50 + [(b"k0", b"leave")], 0)
    with pytest.raises(SystemExit):
        run_to_its_end(settings, Delicate(names.scores))
    settings.runtime.commit_interval_seconds = 0.2
    with running(settings, Counting(names.scores)):
        wait_for(lambda: len(read_all(settings, names.scores)) >= 56, what="the outputs")
    counts = [value.split(b":")[1] for _, _, value in read_all(settings, names.scores)]
    assert Counter(counts) == Counter([b"%d" % n for n in (*range(1, 6), *range(1, 51), 6)])


def test_a_record_larger_than_clients_send_becomes_a_dead_letter(
    settings: Settings, names: topics.Names
) -> None:
    kafka = client.producer(settings.kafka, **{"message.max.bytes": 2**23})
    producer = Producer(kafka)
    # Zeros: compressed it is small enough for the topic.
    producer.produce(names.snapshots, bytes(2**22), b"k0", 0)
    assert producer.flush(30) == 0
    assert score(settings, 3, 12) == dict.fromkeys(KEYS, 3)
    assert [len(value) for _, _, value in read_all(settings, names.dead_letter)] == [2**22]


def test_sigterm_hands_over_at_once(settings: Settings, names: topics.Names, tmp_path: Path) -> None:
    publish(settings, names.snapshots, chain_input(20_000, 100, 2, seed=3))
    with one(Worker(settings, ["chain"], tmp_path / "log")) as worker:
        wait_for(lambda: "restored" in worker.said())
        worker.signal(signal.SIGTERM)
        assert worker.wait(10) == 0, worker.said()


def test_a_role_that_hangs_is_ended_and_another_goes_on(
    settings: Settings, names: topics.Names, tmp_path: Path
) -> None:
    settings.runtime.stall_seconds = 5
    publish(settings, names.snapshots, chain_input(1000, 20, 2, seed=3))
    with one(Worker(settings, ["chain"], tmp_path / "hangs", "apply:1:hang")) as worker:
        assert worker.wait(60) == EXIT_STALLED
    assert "no progress for 5 s" in worker.said()
    with one(Worker(settings, ["chain"], tmp_path / "goes-on")):
        chain = f"{settings.kafka.topic_prefix}-chain"
        wait_for(lambda: caught_up(settings, chain, [names.snapshots]), what="the end of the input")
    assert len(read_all(settings, names.scores)) == 1000


@only_long
def test_a_broker_whose_disk_is_full_loses_nothing(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.touch()
    with broker_for_faults(print, lambda: _limit_files(full)) as broker:
        settings = settings_for_faults(broker.bootstrap_servers)
        names = topics.names(settings.kafka.topic_prefix)
        producer = Producer(client.producer(settings.kafka, **{"message.timeout.ms": 20_000}))
        worker = Worker(settings, ["chain"], tmp_path / "log")
        with one(worker):
            _fill(producer, names.snapshots, broker)
            full.unlink()
            broker.stop()
            broker.start()
            producer.produce(names.snapshots, b"the last", b"k", 0)
            assert producer.flush(60) == 0
            chain = f"{settings.kafka.topic_prefix}-chain"
            wait_for(lambda: worker.status() is not None or caught_up(settings, chain, [names.snapshots]))
        with one(Worker(settings, ["chain"], tmp_path / "again")):
            wait_for(lambda: caught_up(settings, chain, [names.snapshots]), what="the end of the input")
        assert worker.status() in (-signal.SIGKILL, 1), worker.said()
        sent = read_all(settings, names.snapshots)
        said = [value.split(b":")[2] for _, _, value in read_all(settings, names.scores)]
        assert said == [b"%d" % n for n in range(1, len(sent) + 1)]


def _limit_files(full: Path) -> None:
    if full.exists():
        # Above the 10 MiB of an index; no root is needed.
        resource.setrlimit(resource.RLIMIT_FSIZE, (11 * 2**20, 11 * 2**20))


def _fill(producer: Producer, topic: str, broker: EmbeddedBroker) -> None:
    random_ = random.Random(1)
    for _ in range(200):
        for _ in range(10):
            producer.produce(topic, random_.randbytes(50_000), b"k", 0)
        producer.flush(1)
        if not broker.alive():
            return
    raise AssertionError("the broker did not notice that its disk is full")
