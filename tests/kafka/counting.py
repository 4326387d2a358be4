"""A small role: it counts each key's records and publishes the count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fleetleak.kafka import topics
from fleetleak.settings import Settings
from fleetleak.stream import Applied, Key, Output, Record, Rejected
from tests.kafka.support import read_all, running, send, wait_for

KEYS = [b"k%d" % k for k in range(4)]


class Counting:
    """Counts per key; every tenth count is a transition. `bad` is unreadable, `boom` makes it fail.

    A control record adds a thousand, or deletes the key.
    """

    NAME = "counting"

    def __init__(self, output_topic: str, fingerprint: str = "1") -> None:
        self._topic = output_topic
        self.fingerprint = fingerprint
        self.counts: dict[Key, int] = {}

    def apply(self, records: Sequence[Record]) -> Applied:
        applied = Applied()
        for record in records:
            if record.value == b"bad":
                applied.rejected.append(Rejected(record, "malformed", "bad on purpose"))
                continue
            if record.value == b"boom":
                raise RuntimeError("boom on purpose")
            key = Key(record.partition, record.key or b"")
            count = self.counts[key] = self.counts.get(key, 0) + 1
            value = b"%s:%d:%d" % (key.name, count, record.offset)
            transition = key if count % 10 == 0 else None
            applied.outputs.append(Output(self._topic, key.name, value, record.partition, transition))
        return applied

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        key = Key(record.partition, record.key or b"")
        if record.value == b"delete":
            self.counts.pop(key, None)
        else:
            self.counts[key] = self.counts.get(key, 0) + 1000
        return key, Applied()

    def dump(self, keys: Sequence[Key]) -> list[bytes | None]:
        return [b"%d" % self.counts[key] if key in self.counts else None for key in keys]

    def load(self, key: Key, state: bytes) -> None:
        self.counts[key] = int(state)

    def drop(self, partition: int) -> None:
        self.counts = {k: v for k, v in self.counts.items() if k.partition != partition}


def score(settings: Settings, each: int, total: int, fingerprint: str = "1") -> Counter[bytes]:
    """Send `each` records per key, run the role until `total` outputs exist; return each key's last count."""
    names = topics.names(settings.kafka.topic_prefix)
    for number, key in enumerate(KEYS):
        send(settings, names.snapshots, [(key, b"x")] * each, number % 2)
    with running(settings, Counting(names.scores, fingerprint)):
        wait_for(lambda: len(read_all(settings, names.scores)) >= total, what=f"{total} outputs")
    return last_counts(settings)


def last_counts(settings: Settings) -> Counter[bytes]:
    """Return the newest count of each key in the outputs."""
    outputs = read_all(settings, topics.names(settings.kafka.topic_prefix).scores)
    return Counter({key: int(value.split(b":")[1]) for _, key, value in outputs})
