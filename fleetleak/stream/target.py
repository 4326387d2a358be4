"""What a target outside Kafka answers to an attempt at delivery."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from fleetleak.stream.role import Record


class Delivered(NamedTuple):
    """The record is done with.

    Parameters
    ----------
    ref
        The target's own name for it, needed to change it later.
    stored
        Keys and values for the state topic, in the partition of the record; a value of None deletes the key.
        They are acknowledged before the offset of the record is committed.
    outcome
        The word that the metric counts it under. Another one where the target had nothing to do.
    """

    ref: str | None = None
    stored: tuple[tuple[bytes, bytes | None], ...] = ()
    outcome: str = "delivered"


class TryAgain(NamedTuple):
    """The target may take it later: after so many seconds; None leaves that to the caller."""

    why: str
    after_seconds: float | None = None
    outcome: str = "try-again"


class Never(NamedTuple):
    """The target will not take it; `reason` is a short word for the dead letter."""

    reason: str
    why: str
    outcome: str = "never"


Answer = Delivered | TryAgain | Never


class Target(Protocol):
    """Where records go. A subclass inherits methods that do nothing for what it does not need."""

    NAME: str

    def attempt(self, record: Record) -> Answer:
        """Try once to deliver a record.

        It runs in a thread of its own and must end by itself, within a time limit of its own. One partition's
        records come one after the other, several partitions' at the same time.
        """

    def assigned(self, partition: int, stored: dict[bytes, bytes]) -> None:
        """Take what the state topic has for a partition, before the first attempt of that partition."""
        return

    def revoked(self, partition: int) -> None:
        """Forget a partition. An attempt of it may still be under way."""
        return

    def idle(self) -> None:
        """Do what is due without a record. It is called about once a second, one call at a time.

        It runs in a thread of its own, perhaps together with attempts, and must end by itself.
        """
        return
