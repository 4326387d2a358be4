"""Stored state for commands: the newest checkpoint of every key, read without a role."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

import msgspec
from confluent_kafka import Message

from fleetleak.kafka.read import Say, Skipped, decoded
from fleetleak.records import Unreadable
from fleetleak.settings import Settings
from fleetleak.stream.checkpoint import CUT, RAW, Checkpoint, from_records, split_key, state_of
from fleetleak.stream.errors import BadCheckpoint


class Stored(NamedTuple):
    """One key's checkpoint; None if it cannot be read, and `problem` says why."""

    partition: int
    name: str
    checkpoint: Checkpoint | None
    problem: str = ""


class _Part(NamedTuple):
    place: tuple[int, bytes]
    number: int
    message: Message


def stored(settings: Settings, topic: str, say: Say) -> Iterator[Stored]:
    """Return the newest checkpoint of every key of a state topic, by partition and name.

    Parameters
    ----------
    say
        Takes a line about records that are no part of a checkpoint, and one about checkpoints that cannot be
        read.
    """
    newest: dict[tuple[int, bytes], dict[int, Message]] = {}
    for part in decoded(settings, topic, _part, say):
        if part is None:
            continue
        if part.message.value() is None:
            newest.get(part.place, {}).pop(part.number, None)
        else:
            newest.setdefault(part.place, {})[part.number] = part.message
    skipped = Skipped(topic)
    for (partition, name), messages in sorted(newest.items(), key=itemgetter(0)):
        found = _read(partition, name.decode(errors="replace"), messages, skipped) if messages else None
        if found is not None:
            yield found
    skipped.tell(say)


def _part(message: Message) -> _Part | None:
    """Return a part of a checkpoint; None for a cut.

    Raises
    ------
    Unreadable
        If somebody else wrote it.
    """
    key = message.key()
    if key == CUT:
        return None
    try:
        name, number = split_key(key)
    except BadCheckpoint as error:
        raise Unreadable(error.reason, str(error)) from None
    return _Part((message.partition() or 0, name), number, message)


def _read(partition: int, name: str, messages: dict[int, Message], skipped: Skipped) -> Stored | None:
    try:
        checkpoint = from_records({number: m.value() or b"" for number, m in messages.items()})
        if (state := state_of(checkpoint)) is None:
            return None
    except BadCheckpoint as error:
        skipped.add(next(iter(messages.values())), Unreadable(error.reason, f"{name}: {error}"))
        return Stored(partition, name, None, str(error))
    return Stored(partition, name, msgspec.structs.replace(checkpoint, state=state, form=RAW))
