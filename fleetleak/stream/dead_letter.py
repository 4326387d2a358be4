"""Dead letters: unreadable records, unchanged, with headers that say where they came from and why."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from operator import methodcaller
from typing import NamedTuple

from confluent_kafka import Message

from fleetleak.records import Unreadable
from fleetleak.stream.role import Record, Rejected

log = logging.getLogger(__name__)

LARGEST_BYTES = 64 * 2**20
"""For producers: librdkafka's own limit is 1 MB before compression, too little for some dead letters."""
_PREFIX = "fleetleak-"
_EVERY_SECONDS = 60.0


class Origin(NamedTuple):
    """Where a dead letter came from and why it is one; `target` refused it, if a target did."""

    topic: str
    partition: int
    offset: int
    reason: str
    error: str
    target: str | None = None


def headers(rejected: Rejected, target: str | None = None) -> list[tuple[str, str | bytes | None]]:
    """Return the headers of a dead letter; the one for the target only where a target refused it."""
    record: Record = rejected.record
    why = rejected.message[:500]
    origin = Origin(record.topic, record.partition, record.offset, rejected.reason, why, target)
    # Kafka takes bytes only, and an error may quote what is no text.
    return [
        (_PREFIX + name, str(value).encode(errors="backslashreplace"))
        for name, value in origin._asdict().items()
        if value is not None
    ]


def origin(headers_: list[tuple[str, bytes | None]] | None) -> Origin | None:
    """Return what the headers of a dead letter say; None if they are not those of one."""
    ours = {n: v for n, v in headers_ or [] if n.startswith(_PREFIX) and v is not None}
    try:
        values = {name.removeprefix(_PREFIX): value.decode() for name, value in ours.items()}
        return Origin(
            values["topic"],
            int(values["partition"]),
            int(values["offset"]),
            values["reason"],
            values["error"],
            values.get("target"),
        )
    except (KeyError, ValueError):
        return None


def origin_of(letter: Message) -> Origin:
    """Return where a dead letter came from.

    Raises
    ------
    Unreadable
        If somebody else wrote it.
    """
    try:
        found = origin(_headers(letter))
    except SystemError:
        found = None
    if found is None:
        raise Unreadable("foreign", "its headers are not those of a dead letter")
    return found


# For a header whose name is not UTF-8 the client (2.16) returns a broken list and sets an error at once.
# Called through `methodcaller`, Python sees the error and raises SystemError. Called directly in a loop, it
# takes the list and crashes.
_headers: Callable[[Message], list[tuple[str, bytes | None]] | None] = methodcaller("headers")


class Letters:
    """Logs dead letters: at most one line a minute for each reason, with their number and the first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By reason, the first that is not logged yet, and how many there are.
        self._pending: dict[str, tuple[Rejected, int]] = {}
        self._told: dict[str, float] = {}

    def note(self, rejected: Rejected) -> None:
        """Take one."""
        first, count = self._pending.get(rejected.reason, (rejected, 0))
        self._pending[rejected.reason] = first, count + 1

    def tell(self) -> None:
        """Log what is due."""
        if not self._pending:
            return
        now = self._clock()
        for reason in [r for r in self._pending if now - self._told.get(r, -math.inf) >= _EVERY_SECONDS]:
            (first, count), self._told[reason] = self._pending.pop(reason), now
            at = first.record
            log.warning(
                "dead letters (%s): %d, the first %s[%d] at offset %d: %s",
                reason, count, at.topic, at.partition, at.offset, first.message[:200],
                extra={"reason": reason, "count": count},
            )  # fmt: skip
