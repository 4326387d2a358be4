"""Each trouble around the runtime has a documented outcome and a metric (docs/guarantees.md)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic  # type: ignore[attr-defined]

from fleetleak.kafka import client, topics
from fleetleak.settings import Settings
from fleetleak.stream import Applied, Key, Record
from fleetleak.stream.checkpoint import CUT, record_key
from fleetleak.stream.clients import Makers
from fleetleak.stream.errors import Aborted, Refused, Stalled
from fleetleak.stream.transaction import Transaction
from tests.faults.cluster import only_long
from tests.kafka.counting import KEYS, Counting, last_counts, score
from tests.kafka.support import metric, read_all, run_to_its_end, running, send, wait_for

pytestmark = pytest.mark.kafka

RESETS = "fleetleak_runtime_input_resets_total"
REFUSED = "fleetleak_runtime_checkpoints_refused_total"
LOST = "fleetleak_runtime_input_lost_records_total"


@pytest.fixture
def admin(settings: Settings) -> AdminClient:
    return AdminClient(client.common(settings.kafka))


def group(settings: Settings) -> str:
    return f"{settings.kafka.topic_prefix}-group"


def overwrite(settings: Settings, name: bytes, change: Callable[[bytes], bytes]) -> None:
    """Change a stored record of partition 0."""
    models = topics.names(settings.kafka.topic_prefix).models
    stored = {key: value for number, key, value in read_all(settings, models) if number == 0}
    send(settings, models, [(name, change(stored[name]))], 0)


def test_input_lost_to_retention_is_counted(
    settings: Settings, names: topics.Names, admin: AdminClient
) -> None:
    assert score(settings, 10, 40) == dict.fromkeys(KEYS, 10)
    before = metric(LOST)
    for number, key in enumerate(KEYS):
        send(settings, names.snapshots, [(key, b"x")] * 10, number % 2)
    # Of partition 0: 20 are committed, 20 are not; 5 of those are deleted.
    next(iter(admin.delete_records([TopicPartition(names.snapshots, 0, 25)]).values())).result(30)
    assert score(settings, 1, 40 + 35 + 4) == {b"k0": 16, b"k1": 21, b"k2": 21, b"k3": 21}
    assert metric(LOST) - before == 5


class Waiting(Counting):
    """Holds its second batch until it may go on."""

    def __init__(self, output_topic: str) -> None:
        super().__init__(output_topic)
        self.held, self.may_go_on = threading.Event(), threading.Event()

    def apply(self, records: Sequence[Record]) -> Applied:
        if self.counts:
            self.held.set()
            self.may_go_on.wait(60)
        return super().apply(records)


def test_input_lost_under_a_slow_role_is_counted(
    settings: Settings, names: topics.Names, admin: AdminClient
) -> None:
    before = metric(LOST)
    settings.runtime.batch_records = 5
    # Nothing is fetched far ahead of what is applied.
    settings.kafka.properties = {"queued.max.messages.kbytes": "1", "max.partition.fetch.bytes": "1000"}
    for _ in range(20):
        send(settings, names.snapshots, [(b"k0", b"x" * 200)] * 10, 0)
    role = Waiting(names.scores)
    with running(settings, role):
        assert role.held.wait(60)
        next(iter(admin.delete_records([TopicPartition(names.snapshots, 0, 190)]).values())).result(30)
        role.may_go_on.set()
        wait_for(lambda: newest(settings) == 199, what="the newest record")
    lost = metric(LOST) - before
    assert lost > 0
    assert last_counts(settings) == {b"k0": 200 - lost}


def newest(settings: Settings) -> int:
    """Return the input offset of the newest output."""
    outputs = read_all(settings, topics.names(settings.kafka.topic_prefix).scores)
    return max((int(value.split(b":")[2]) for _, _, value in outputs), default=-1)


def test_old_controls_lost_to_retention_hold_nothing_up(
    settings: Settings, names: topics.Names, admin: AdminClient
) -> None:
    send(settings, names.feedback, [(b"k0", b"label")] * 9, 0)
    next(iter(admin.delete_records([TopicPartition(names.feedback, 0, 9)]).values())).result(30)
    send(settings, names.feedback, [(b"k0", b"label")], 0)
    assert score(settings, 10, 40)[b"k1"] == 10
    role = Counting(names.scores)
    with running(settings, role):
        wait_for(lambda: 1010 in role.counts.values(), what="the control that is left")


def test_a_recreated_input_starts_cold(settings: Settings, names: topics.Names, admin: AdminClient) -> None:
    score(settings, 10, 40)
    before = metric(RESETS, reason="recreated")
    recreate(admin, names.snapshots, 2)
    assert score(settings, 3, 52) == dict.fromkeys(KEYS, 3)
    assert metric(RESETS, reason="recreated") - before == 2


@only_long
def test_an_input_recreated_under_a_running_role_needs_a_restart(
    settings: Settings, names: topics.Names, admin: AdminClient
) -> None:
    send(settings, names.snapshots, [(b"k0", b"x")] * 10, 0)

    def watch_it_recreated() -> None:
        with running(settings, Counting(names.scores)) as role:
            wait_for(lambda: len(read_all(settings, names.scores)) == 10)
            recreate(admin, names.snapshots, 2)
            wait_for(lambda: role.owned() == [], what="the end")

    with pytest.raises(Stalled, match="was recreated"):
        watch_it_recreated()
    assert score(settings, 3, 22) == dict.fromkeys(KEYS, 3)


def recreate(admin: AdminClient, topic: str, partitions: int) -> None:
    next(iter(admin.delete_topics([topic], operation_timeout=30).values())).result(30)
    wait_for(lambda: topic not in admin.list_topics(timeout=10).topics, what="the deletion")
    next(iter(admin.create_topics([NewTopic(topic, partitions, 1)]).values())).result(30)
    wait_for(lambda: topic in admin.list_topics(timeout=10).topics, what="the new topic")


def test_partition_counts_that_differ_are_refused(
    settings: Settings, names: topics.Names, admin: AdminClient
) -> None:
    recreate(admin, names.models, 3)
    with pytest.raises(Refused, match=r"equally many partitions.*recreate"):
        run_to_its_end(settings, Counting(names.scores))


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        pytest.param("newer-version", lambda value: b"FLC9" + value[4:], id="newer"),
        pytest.param(
            "corrupt", lambda value: value[:-1] + bytes([value[-1] ^ 1]), id="corrupt", marks=only_long
        ),
        pytest.param("foreign", lambda value: b"something else", id="foreign", marks=only_long),
    ],
)
def test_a_checkpoint_that_cannot_be_used_starts_its_key_cold(
    reason: str, change: Callable[[bytes], bytes], settings: Settings
) -> None:
    score(settings, 10, 40)
    overwrite(settings, record_key(b"k0", 0), change)
    before = metric(REFUSED, reason=reason)
    assert score(settings, 3, 52) == {b"k0": 3, b"k1": 13, b"k2": 13, b"k3": 13}
    assert metric(REFUSED, reason=reason) - before == 1


@only_long
def test_a_cut_that_cannot_be_used_starts_its_partition_cold(settings: Settings) -> None:
    score(settings, 10, 40)
    overwrite(settings, CUT, lambda value: b"FLC9" + value[4:])
    before = metric(REFUSED, reason="newer-version")
    assert score(settings, 3, 52) == {b"k0": 3, b"k1": 13, b"k2": 3, b"k3": 13}
    assert metric(REFUSED, reason="newer-version") - before == 1


def test_another_configuration_starts_cold(settings: Settings) -> None:
    score(settings, 10, 40)
    before = metric(REFUSED, reason="other-configuration")
    assert score(settings, 3, 52, fingerprint="2") == dict.fromkeys(KEYS, 3)
    assert metric(REFUSED, reason="other-configuration") - before == 4


class Large(Counting):
    """State of several parts, until `small` is set."""

    small = False

    def dump(self, keys: Sequence[Key]) -> list[bytes | None]:
        padding = b"" if self.small else b" " * 1_200_000
        return [state and state + padding for state in super().dump(keys)]


@only_long
def test_parts_of_a_state_that_is_not_used_do_not_spoil_the_next(
    settings: Settings, names: topics.Names
) -> None:
    send(settings, names.snapshots, [(b"k0", b"x")] * 10, 0)
    with running(settings, Large(names.scores)):
        wait_for(lambda: len(read_all(settings, names.scores)) == 10)
    score(settings, 1, 14, fingerprint="2")
    assert score(settings, 1, 18, fingerprint="2")[b"k0"] == 2


def test_offsets_set_back_are_refused(settings: Settings, names: topics.Names, admin: AdminClient) -> None:
    score(settings, 10, 40)
    before = metric(RESETS, reason="set-back")
    back = ConsumerGroupTopicPartitions(group(settings), [TopicPartition(names.snapshots, 0, 3)])
    wait_for(lambda: no_members(admin, settings), what="the group to be empty")
    next(iter(admin.alter_consumer_group_offsets([back]).values())).result(30)
    with pytest.raises(Refused, match="Set them forward again"):
        run_to_its_end(settings, Counting(names.scores))
    assert metric(RESETS, reason="set-back") - before == 1


def test_an_input_that_ends_before_what_was_committed_is_told(
    settings: Settings, names: topics.Names, admin: AdminClient
) -> None:
    score(settings, 10, 40)
    before = metric(RESETS, reason="truncated")
    beyond = ConsumerGroupTopicPartitions(group(settings), [TopicPartition(names.snapshots, 0, 25)])
    wait_for(lambda: no_members(admin, settings), what="the group to be empty")
    next(iter(admin.alter_consumer_group_offsets([beyond]).values())).result(30)
    with running(settings, Counting(names.scores)) as runtime:
        wait_for(lambda: runtime.ready() is None, what="the restore")
        send(settings, names.snapshots, [(KEYS[0], b"x")], 0)
        wait_for(lambda: len(read_all(settings, names.scores)) >= 41, what="the record behind the end")
    assert last_counts(settings)[KEYS[0]] == 11
    assert metric(RESETS, reason="truncated") - before == 1


def test_offsets_set_forward_into_a_hole_lead_to_outputs_with_offsets(
    settings: Settings, names: topics.Names, admin: AdminClient
) -> None:
    producer = Producer(client.transactional(settings.kafka, "with-markers", 10))
    producer.init_transactions()
    for number in range(3):  # each takes two offsets, the second is a marker
        producer.begin_transaction()
        producer.produce(names.snapshots, b"x", KEYS[0], 0)
        producer.commit_transaction()
        if number == 1:
            # Committed is the marker behind the second record.
            at = ConsumerGroupTopicPartitions(group(settings), [TopicPartition(names.snapshots, 0, 3)])
            next(iter(admin.alter_consumer_group_offsets([at]).values())).result(30)
    for _ in range(2):
        with running(settings, Counting(names.scores)) as runtime:
            wait_for(lambda: runtime.ready() is None, what="the restore")
            wait_for(lambda: len(read_all(settings, names.scores)) >= 1, what="an output")
            time.sleep(1)
    assert len(read_all(settings, names.scores)) == 1


def test_more_partitions_are_told(settings: Settings, names: topics.Names, admin: AdminClient) -> None:
    score(settings, 10, 40)
    before = metric(RESETS, reason="partitions-changed")
    wait_for(lambda: no_members(admin, settings), what="the group to be empty")
    more = [NewPartitions(name, 4) for name in (names.snapshots, names.feedback, names.models)]
    for done in admin.create_partitions(more).values():
        done.result(30)
    assert score(settings, 3, 52) == dict.fromkeys(KEYS, 13), "what stays in its partition goes on"
    assert metric(RESETS, reason="partitions-changed") - before == 2


def no_members(admin: AdminClient, settings: Settings) -> bool:
    groups = admin.describe_consumer_groups([group(settings)])
    return not next(iter(groups.values())).result(30).members


def test_offsets_that_expired_are_taken_from_the_state(settings: Settings, admin: AdminClient) -> None:
    score(settings, 10, 40)
    before = metric(RESETS, reason="offsets-expired")
    wait_for(lambda: no_members(admin, settings), what="the group to be empty")
    next(iter(admin.delete_consumer_groups([group(settings)]).values())).result(30)
    assert score(settings, 3, 52) == dict.fromkeys(KEYS, 13)
    assert metric(RESETS, reason="offsets-expired") - before == 2


def test_controls_do_not_take_effect_again_when_offsets_expired(
    settings: Settings, names: topics.Names, admin: AdminClient
) -> None:
    send(settings, names.feedback, [(KEYS[0], b"label")], 0)
    score(settings, 10, 40)
    wait_for(lambda: no_members(admin, settings), what="the group to be empty")
    next(iter(admin.delete_consumer_groups([group(settings)]).values())).result(30)
    assert score(settings, 3, 52)[KEYS[0]] == 1013


class Dying:
    """Makes transactions that commit nothing any more once it is `now`: as if the process were killed."""

    def __init__(self) -> None:
        self.now = False

    def transaction(self, *arguments: Any) -> Transaction:
        dying = self

        class Mortal(Transaction):
            def commit(self, offsets: list[TopicPartition]) -> None:
                if dying.now:
                    raise Aborted("killed")
                super().commit(offsets)

        return Mortal(*arguments)


def test_what_was_deleted_stays_deleted_in_a_replay(settings: Settings, names: topics.Names) -> None:
    settings.runtime.checkpoint_interval_seconds = 600
    # One key is never checkpointed in time, so that a restore replays from before the deletion.
    role, again = Counting(names.scores), Counting(names.scores)
    send(settings, names.snapshots, [(b"late", b"x"), *[(b"k0", b"x")] * 5], 0)
    dying = Dying()
    with running(settings, role, makers=Makers(transaction=dying.transaction)):
        wait_for(lambda: len(read_all(settings, names.scores)) == 6)
        send(settings, names.feedback, [(b"k0", b"delete")], 0)
        wait_for(lambda: Key(0, b"k0") not in role.counts, what="the deletion")
        wait_for(lambda: record_key(b"k0", 0) in {key for _, key, _ in read_all(settings, names.models)})
        dying.now = True
    with running(settings, again) as runtime:
        wait_for(lambda: runtime.ready() is None, what="the restore")
        wait_for(lambda: again.counts == {Key(0, b"late"): 1}, what="the key that was not deleted")
    send(settings, names.snapshots, [(b"k0", b"x")], 0)
    with running(settings, Counting(names.scores)):
        wait_for(lambda: len(read_all(settings, names.scores)) == 7)
    assert last_counts(settings)[b"k0"] == 1


def test_a_transaction_of_checkpoints_alone_is_fenced_too(settings: Settings, names: topics.Names) -> None:
    """Kafka checks the group only where offsets are sent."""
    settings.runtime.checkpoint_interval_seconds = 600
    send(settings, names.snapshots, [(b"k0", b"x")] * 5, 0)
    sent: list[list[TopicPartition]] = []

    class Watched(Transaction):
        def commit(self, offsets: list[TopicPartition]) -> None:
            sent.append(offsets)
            super().commit(offsets)

    with running(settings, Counting(names.scores), makers=Makers(transaction=Watched)):
        wait_for(lambda: len(read_all(settings, names.scores)) == 5)
    assert sent
    assert all(offsets != [] for offsets in sent)


def test_state_that_is_gone_is_told(settings: Settings, names: topics.Names, admin: AdminClient) -> None:
    score(settings, 10, 40)
    before = metric(RESETS, reason="state-gone")
    next(iter(admin.delete_topics([names.models]).values())).result(30)
    wait_for(lambda: names.models not in topics.existing(admin), what="the state topic to be gone")
    topics.create(admin, topics.layout(settings.kafka.topic_prefix, settings.topics), 1)
    assert score(settings, 3, 52) == dict.fromkeys(KEYS, 3)
    assert metric(RESETS, reason="state-gone") - before == 2


def test_a_record_of_somebody_else_on_the_state_topic_is_passed_over(
    settings: Settings, names: topics.Names
) -> None:
    score(settings, 10, 40)
    before = metric(REFUSED, reason="foreign")
    send(settings, names.models, [(b"not ours", b"at all")], 0)
    assert score(settings, 3, 52) == dict.fromkeys(KEYS, 13)
    assert metric(REFUSED, reason="foreign") - before == 1
