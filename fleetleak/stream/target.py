"""What a target outside Kafka answers to an attempt at delivery."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from fleetleak.stream.role import Record


class Delivered(NamedTuple):
    """The target has the record; `ref` is its own name for it, needed to change it later."""

    ref: str | None = None


class TryAgain(NamedTuple):
    """The target may take it later: after so many seconds; None leaves that to the caller."""

    why: str
    after_seconds: float | None = None


class Never(NamedTuple):
    """The target will not take it; `reason` is a short word for the dead letter and the metric."""

    reason: str
    why: str


Answer = Delivered | TryAgain | Never


class Target(Protocol):
    """Where records go."""

    NAME: str

    def attempt(self, record: Record) -> Answer:
        """Try once to deliver a record.

        It runs in a thread of its own and must end by itself, within a time limit of its own. One partition's
        records come one after the other, several partitions' at the same time.
        """
