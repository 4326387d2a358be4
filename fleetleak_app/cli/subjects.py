"""The stored state of the alerting sink, and recorded scores and control records, for commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import Message

from fleetleak.kafka.read import decoded
from fleetleak.records.control import PROMOTION_KEY
from fleetleak.settings import Settings
from fleetleak.stream import Key
from fleetleak.stream.messages import record_of
from fleetleak.stream.stored import stored
from fleetleak_app.cli import say

if TYPE_CHECKING:
    from fleetleak_app.replay.decisions import Control, Scored
    from sinks.alerting.subject import Subject

_PROMOTION = PROMOTION_KEY.decode(errors="replace")


class Held(NamedTuple):
    """The stored state of one service."""

    service: str
    partition: int
    subject: Subject[Any]


def subjects(settings: Settings, topic: str) -> dict[str, Held]:
    """Return the alerting sink's stored state of every service.

    Raises
    ------
    BadPolicy
        If the policy file of the settings cannot be used.
    fleetleak.kafka.scan.ScanFailed
        If the topic cannot be read.
    """
    from sinks.alerting.leak.role import alerting

    role = alerting(settings)
    held, unread = {}, 0
    for state in stored(settings, topic, say):
        key = Key(state.partition, state.name.encode())
        if state.name == _PROMOTION or state.checkpoint is None:
            continue
        try:
            if state.checkpoint.fingerprint != role.fingerprint:
                raise ValueError("another version")
            role.load(key, state.checkpoint.state)
        except ValueError:
            unread += 1
            continue
        if (subject := role.state(key)) is not None:
            held[state.name] = Held(state.name, state.partition, subject)
    if unread:
        say(f"the state of {unread} services is of another version of the sink, and was left out")
    return held


def scores(
    settings: Settings, topic: str, since: float, service: str | None = None, partition: int | None = None
) -> Iterator[Scored]:
    """Yield the recorded scores since a time (append time, unix seconds), those of each partition in order.

    Parameters
    ----------
    service
        Only its scores.
    partition
        Read only this one.
    """
    from fleetleak_app.replay.decisions import scored

    key = None if service is None else service.encode()

    def read(message: Message) -> Scored | None:
        return scored(record_of(message)) if key is None or message.key() == key else None

    for one in decoded(settings, topic, read, say, since, partition):
        if one is not None:
            yield one


def controls(settings: Settings, topic: str) -> list[Control]:
    """Return the recorded control records that concern alerts of single services."""
    from fleetleak_app.replay.decisions import controlled

    every = decoded(settings, topic, lambda message: controlled(record_of(message)), say)
    return [one for one in every if one is not None]
