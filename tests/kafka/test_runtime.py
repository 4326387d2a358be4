"""The stateful runtime against the real Kafka."""

from __future__ import annotations

from collections import defaultdict

import pytest
from confluent_kafka import Producer, TopicPartition

from fleetleak.kafka import client, topics
from fleetleak.observe import metrics
from fleetleak.settings import Settings
from fleetleak.stream import Key, Topics
from fleetleak.stream.checkpoint import CUT, record_key
from fleetleak.stream.clients import Makers
from fleetleak.stream.errors import Aborted, Stalled
from fleetleak.stream.transaction import Transaction
from tests.kafka.counting import Counting
from tests.kafka.support import read_all, run_to_its_end, running, send, wait_for
from tests.stream.parts import Many, Silence

pytestmark = pytest.mark.kafka


def scores(settings: Settings) -> list[tuple[int, bytes, bytes]]:
    return read_all(settings, topics.names(settings.kafka.topic_prefix).scores)


def lag(partition: int) -> float | None:
    return metrics.REGISTRY.get_sample_value("fleetleak_runtime_lag_records", {"partition": str(partition)})


def counts(found: list[tuple[int, bytes, bytes]]) -> dict[bytes, list[int]]:
    by_key: dict[bytes, list[int]] = defaultdict(list)
    for _, key, value in found:
        by_key[key].append(int(value.split(b":")[1]))
    return dict(by_key)


def test_every_record_is_scored_once_in_order(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.snapshots, [(b"k%d" % (i % 7), b"x") for i in range(700)])
    with running(settings, Counting(names.scores)):
        wait_for(lambda: len(scores(settings)) == 700)
    assert counts(scores(settings)) == {b"k%d" % k: list(range(1, 101)) for k in range(7)}


def test_the_lag_is_told_of_owned_partitions_only(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.snapshots, [(b"k%d" % (i % 7), b"x") for i in range(700)])
    with running(settings, Counting(names.scores)):
        wait_for(lambda: (lag(0), lag(1)) == (0, 0), what="no lag on both partitions")
    assert (lag(0), lag(1)) == (None, None)


def test_a_restart_goes_on_where_the_last_one_ended(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    for restart in range(1, 4):
        send(settings, names.snapshots, [(b"k%d" % (i % 5), b"x") for i in range(100)])
        with running(settings, Counting(names.scores)):
            wait_for(lambda: len(scores(settings)) == 100 * restart)  # noqa: B023 - called at once
    assert counts(scores(settings)) == {b"k%d" % k: list(range(1, 61)) for k in range(5)}


def test_unreadable_and_failing_records_become_dead_letters(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    records = (
        [(b"k", b"x")] * 10 + [(b"k", b"bad"), (b"k", b"boom"), (b"k", b"y" * 300_000)] + [(b"k", b"x")] * 10
    )
    send(settings, names.snapshots, records)
    with running(settings, Counting(names.scores)):
        wait_for(lambda: len(scores(settings)) == 20)
    assert counts(scores(settings)) == {b"k": list(range(1, 21))}
    dead = read_all(settings, names.dead_letter)
    assert sorted(len(value) for _, _, value in dead) == [3, 4, 300_000]


def test_controls_take_effect_once(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.snapshots, [(b"k", b"x")] * 5)
    with running(settings, Counting(names.scores)):
        wait_for(lambda: len(scores(settings)) == 5)
        send(settings, names.feedback, [(b"k", b"label")])
    for _ in range(2):
        role = Counting(names.scores)
        with running(settings, role) as runtime:
            wait_for(lambda: runtime.ready() is None)
            wait_for(lambda: any(v > 1000 for v in role.counts.values()))  # noqa: B023
            assert set(role.counts.values()) == {1005}


def test_a_second_process_takes_its_share_and_gives_it_back(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    keys = [b"k%d" % k for k in range(20)]
    with running(settings, Counting(names.scores)) as first:
        send(settings, names.snapshots, [(k, b"x") for k in keys * 5])
        wait_for(lambda: len(scores(settings)) == 100)
        with running(settings, Counting(names.scores)) as second:
            wait_for(lambda: len(second.owned()) == 1 and len(first.owned()) == 1, what="one partition each")
            send(settings, names.snapshots, [(k, b"x") for k in keys * 5])
            wait_for(lambda: len(scores(settings)) == 200)
        wait_for(lambda: len(first.owned()) == 2, what="both partitions back")
        send(settings, names.snapshots, [(k, b"x") for k in keys * 5])
        wait_for(lambda: len(scores(settings)) == 300)
    assert counts(scores(settings)) == {k: list(range(1, 16)) for k in keys}


def test_a_flood_of_unreadable_records_pauses_its_partition(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    settings.runtime.dead_letter_least = 50
    settings.runtime.batch_records = 100
    send(settings, names.snapshots, [(b"k", b"bad")] * 2000)
    with running(settings, Counting(names.scores)) as runtime:
        wait_for(lambda: "paused" in (runtime.ready() or ""), what="the pause")
        wait_for(lambda: max(lag(0) or 0, lag(1) or 0) >= 1800, what="the lag of what is paused")
    assert len(read_all(settings, names.dead_letter)) <= 200


def test_more_outputs_than_the_client_holds_come_of_one_record(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.snapshots, [(b"k", b"210000")])
    settings.runtime.transaction_timeout_seconds = 60
    with running(settings, Many(names.scores), topics=Topics(names.snapshots, None, names.dead_letter)):
        wait_for(lambda: len(scores(settings)) == 210_000, what="all of them")
    ordered = defaultdict(list)
    for _, key, value in scores(settings):
        ordered[key].append(int(value))
    assert all(numbers == list(range(int(key), 210_000, 7)) for key, numbers in ordered.items())


class Refusing(Transaction):
    """A transaction that the cluster never takes."""

    def commit(self, offsets: list[TopicPartition]) -> None:
        raise Aborted("the cluster takes nothing")


def test_nothing_but_aborts_is_no_progress(settings: Settings) -> None:
    settings.runtime.stall_seconds = 2.0
    settings.runtime.commit_interval_seconds = 0.1
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.snapshots, [(b"k", b"x")])
    with pytest.raises(Stalled, match="nothing but aborted transactions: the cluster takes nothing"):
        run_to_its_end(settings, Counting(names.scores), Makers(transaction=Refusing))


def test_what_a_role_ignores_is_not_checkpointed(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    settings.runtime.checkpoint_interval_seconds = 0.1
    ignored = [(b"ignored-%d" % n, b"ignore") for n in range(50)]
    send(settings, names.snapshots, [*ignored, (b"kept", b"x")], 0)
    with running(settings, Silence()):
        wait_for(lambda: record_key(b"kept", 0) in stored_keys(settings), what="the checkpoint")
    assert stored_keys(settings) == {CUT, record_key(b"kept", 0)}


def stored_keys(settings: Settings) -> set[bytes]:
    return {key for _, key, _ in read_all(settings, topics.names(settings.kafka.topic_prefix).models)}


def test_several_side_topics_feed_one_role(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    several = Topics(names.snapshots, names.models, names.dead_letter, (names.feedback, names.drift))
    send(settings, names.snapshots, [(b"k", b"x")] * 5, 0)
    send(settings, names.feedback, [(b"k", b"label")], 0)
    send(settings, names.drift, [(b"k", b"label")] * 2, 0)
    for _ in range(2):
        role = Counting(names.scores)
        with running(settings, role, topics=several):
            wait_for(lambda: role.counts == {Key(0, b"k"): 3005}, what="all of them, once")  # noqa: B023


def test_timers_fire_once_over_a_restart(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    producer = Producer(client.producer(settings.kafka))

    def put(key: bytes, second: int) -> None:
        producer.produce(names.alerts, b"x", key, 0, timestamp=second * 1000)
        assert producer.flush(30) == 0

    # `alerts` keeps the time that its producer gives; on `snapshots` it would be the broker's.
    timed = Topics(names.alerts, names.models, names.dead_letter)
    put(b"cart", 100)
    put(b"shop", 350)
    with running(settings, Silence(names.drift), topics=timed):
        wait_for(lambda: record_key(b"shop", 0) in stored_keys(settings), what="the checkpoint")
    put(b"shop", 401)
    put(b"shop", 402)
    with running(settings, Silence(names.drift), topics=timed):
        wait_for(lambda: len(read_all(settings, names.drift)) == 1, what="the silence")
    with running(settings, Silence(names.drift), topics=timed):
        put(b"shop", 403)
        put(b"cart", 404)
        wait_for(lambda: len(read_all(settings, names.drift)) == 2, what="the return")
    said = [(key, value) for _, key, value in read_all(settings, names.drift)]
    assert said == [(b"cart", b"silent since 100 after 1"), (b"cart", b"back")]
