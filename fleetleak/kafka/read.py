"""Reading what can be read of a topic: the rest is counted and told, and stops nobody."""

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

_MOST_SIGNS = 300


class Skipped:
    """The records of one topic that could not be read, by reason; one line tells of them."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._reasons: Counter[str] = Counter()
        self._first = ""

    def add(self, message: Message, error: Unreadable) -> None:
        """Count a record."""
        if not self._reasons:
            said = " ".join(str(error).split())[:_MOST_SIGNS]
            self._first = f"the first at partition {message.partition()} offset {message.offset()}: {said}"
        self._reasons[error.reason] += 1

    def tell(self, say: Say) -> None:
        """Say how many there were, why, and where the first is; nothing where all could be read."""
        if not self._reasons:
            return
        count = self._reasons.total()
        records = f"{count} record{'s' if count > 1 else ''} of {self._topic}"
        reasons = ", ".join(f"{n} {reason}" for reason, n in self._reasons.most_common())
        say(f"{records} could not be read ({reasons}), {self._first}")


def decoded(
    settings: Settings, topic: str, read: Callable[[Message], R], say: Say, since: float | None = None
) -> Iterator[R]:
    """Give what `read` makes of every committed record of a topic up to its end now, by partition in order.

    Parameters
    ----------
    read
        Raises `fleetleak.records.Unreadable` for a record that is left out.
    say
        Takes the one line about those, at the end.
    since
        Only what the brokers took after this time, unix seconds.

    Raises
    ------
    fleetleak.kafka.scan.Unreadable
        If the topic itself cannot be read.
    """
    skipped = Skipped(topic)
    for message in scan(settings.kafka, topic, settings.topics.partitions, since):
        try:
            found = read(message)
        except Unreadable as error:
            skipped.add(message, error)
            continue
        yield found
    skipped.tell(say)


def value(decode: Callable[[bytes | None], R]) -> Callable[[Message], R]:
    """Give what reads the value of a message with a record's decoder."""
    return lambda message: decode(message.value())
