"""Reading the readable records of a topic: the others are counted and reported, and stop no command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from confluent_kafka import Message

from fleetleak.kafka.scan import scan
from fleetleak.records import Unreadable
from fleetleak.settings import Settings

R = TypeVar("R")
Say = Callable[[str], None]

_MOST_CHARACTERS = 300


class Skipped:
    """The records of one topic that could not be read, by reason; one line reports them."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._reasons: Counter[str] = Counter()
        self._first = ""

    def add(self, message: Message, error: Unreadable) -> None:
        """Count a record."""
        if not self._reasons:
            why = " ".join(str(error).split())[:_MOST_CHARACTERS]
            self._first = f"the first at partition {message.partition()} offset {message.offset()}: {why}"
        self._reasons[error.reason] += 1

    def tell(self, say: Say) -> None:
        """Report how many there were, why, and where the first is; nothing if all records could be read."""
        if not self._reasons:
            return
        count = self._reasons.total()
        records = f"{count} record{'s' if count > 1 else ''} of {self._topic}"
        reasons = ", ".join(f"{n} {reason}" for reason, n in self._reasons.most_common())
        say(f"{records} could not be read ({reasons}), {self._first}")


def decoded(
    settings: Settings,
    topic: str,
    read: Callable[[Message], R],
    say: Say,
    since: float | None = None,
    partition: int | None = None,
) -> Iterator[R]:
    """Yield the result of `read` for every committed record of a topic up to its present end.

    The records of each partition come in order.

    Parameters
    ----------
    read
        Raises `fleetleak.records.Unreadable` for a record to leave out.
    say
        Called at the end with one line about the records that were left out.
    since
        Only records with an append time after this one, in unix seconds.
    partition
        Only the records of this one.

    Raises
    ------
    fleetleak.kafka.scan.ScanFailed
        If the topic itself cannot be read.
    """
    skipped = Skipped(topic)
    for message in scan(settings.kafka, topic, settings.topics.partitions, since, partition):
        try:
            record = read(message)
        except Unreadable as error:
            skipped.add(message, error)
            continue
        yield record
    skipped.tell(say)


def value(decode: Callable[[bytes | None], R]) -> Callable[[Message], R]:
    """Return a function that decodes the value of a message."""
    return lambda message: decode(message.value())
