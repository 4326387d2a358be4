"""A recording through a real Kafka and the processes that a user deploys."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from confluent_kafka import Producer

from fleetleak.kafka import client
from fleetleak.settings import Settings
from fleetleak.stream import Record
from fleetleak_app.reading import Recording
from fleetleak_app.replay import offsets
from fleetleak_app.replay.cluster import ROLES, Cluster, cluster
from fleetleak_app.replay.collect import Scores, alerts, unreadable
from fleetleak_app.replay.records import records
from fleetleak_app.replay.write import Results

_BATCH_RECORDS = 5000
# Below librdkafka's own limit, so that a batch never finds its queue full.
_MOST_QUEUED = 50_000
_LOOK_SECONDS = 0.2


class ReplayFailed(RuntimeError):
    """A role ended or made no progress, or the brokers did not take all snapshots; the message says which."""


class ClusterReplay:
    """One replay through a cluster, from the first snapshot to the last alert.

    Parameters
    ----------
    groups
        The consumer groups of its roles, by role.
    total
        Snapshots in the recording.
    progress
        Called with the share of the snapshots that the processor has done.

    Raises
    ------
    ReplayFailed
        From every method, with the last log lines of the role that failed.
    """

    def __init__(
        self,
        cluster: Cluster,
        groups: Mapping[str, offsets.Group],
        total: int,
        progress: Callable[[float], None],
    ) -> None:
        self._cluster = cluster
        self._groups = groups
        self._total = total
        self._progress = progress
        self._partitions = cluster.settings.topics.partitions
        self._looked = 0.0

    def publish(self, records: Iterator[Record]) -> None:
        """Publish the snapshots in order, and wait until the brokers have them."""
        producer = Producer(client.producer(self._cluster.settings.kafka))
        topic = self._cluster.names.snapshots
        while batch := list(islice(records, _BATCH_RECORDS)):
            self._drain(producer, _MOST_QUEUED)
            producer.produce_batch(topic, [{"key": r.key, "value": r.value} for r in batch])
        self._drain(producer, 0)
        taken = sum(offsets.ends(self._cluster.admin, topic, self._partitions).values())
        if taken != self._total:
            raise ReplayFailed(f"the brokers took {taken} of {self._total} snapshots")

    def _drain(self, producer: Producer, most: int) -> None:
        while True:
            self._look()
            if len(producer) <= most:
                return
            producer.poll(_LOOK_SECONDS)

    def wait_scored(self) -> None:
        """Wait until every snapshot has its score or dead letter, or was dropped as late or a duplicate."""
        self._wait("processor", self._done, self._total)
        self._settled("processor", self._cluster.names.scores)

    def wait_alerted(self, ends: dict[int, int]) -> None:
        """Wait until the alerting sink has consumed the scores up to these ends of their partitions."""
        names = self._cluster.names

        def consumed() -> int:
            committed = self._committed("alerting", names.scores)
            return sum(min(committed.get(number, 0), end) for number, end in ends.items())

        self._wait("alerting", consumed, sum(ends.values()))
        for topic in (names.alerts, names.dead_letter):
            self._settled("alerting", topic)

    def _settled(self, role: str, topic: str) -> None:
        """Wait until all records of a topic are visible: that can be later than the committed offsets."""
        admin = self._cluster.admin
        whole = sum(offsets.ends(admin, topic, self._partitions).values())
        self._wait(
            role, lambda: sum(offsets.ends(admin, topic, self._partitions, visible=True).values()), whole
        )

    def _wait(self, role: str, position: Callable[[], int], wanted: int) -> None:
        newest, moved = -1, time.monotonic()
        while (now := position()) < wanted:
            self._look()
            if now != newest:
                newest, moved = now, time.monotonic()
            elif (still := time.monotonic() - moved) > self._cluster.settings.runtime.stall_seconds:
                raise ReplayFailed(f"{role} has done nothing for {still:.0f} s: {self._last_words(role)}")
            time.sleep(_LOOK_SECONDS)

    def _look(self) -> None:
        """Check that the roles are alive, and report the progress."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        for role, code in self._cluster.processes.ended().items():
            raise ReplayFailed(f"{role} ended with code {code}: {self._last_words(role)}")
        self._progress(self._done() / max(self._total, 1))
        self._looked = time.monotonic()

    def _done(self) -> int:
        return sum(self._committed("processor", self._cluster.names.snapshots).values())

    def _committed(self, role: str, topic: str) -> dict[int, int]:
        return self._groups[role].committed(topic, self._partitions)

    def _last_words(self, role: str) -> str:
        return " ".join(self._cluster.processes.last_words(role).split()) or "it wrote nothing"


def through_kafka(
    recording: Recording,
    settings: Settings,
    own_broker: bool,
    progress: Callable[[float], None],
    say: Callable[[str], None],
) -> Iterator[Results]:
    """Send a recording through its own cluster; yield the same results as in memory.

    With one partition every byte is the same; with more, scores name other partitions and offsets.
    """
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(cluster(settings, own_broker, say))
        kafka = own.settings.kafka
        groups = {
            role: stack.enter_context(offsets.watched(kafka, f"{kafka.topic_prefix}-{role}"))
            for role in ROLES
        }
        replay = ClusterReplay(own, groups, len(recording), progress)
        replay.publish(records(recording))
        replay.wait_scored()
        scores = Scores(own, say)
        replay.wait_alerted(scores.ends)
        for batch in scores.batches():
            yield Results(batch, [], [])
        yield Results([], alerts(own, say), unreadable(own, say))
