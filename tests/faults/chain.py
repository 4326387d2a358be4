"""A role whose outputs depend on all earlier records of their key: a lost or repeated record shows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from fleetleak.kafka.topics import Names, names
from fleetleak.settings import Settings
from fleetleak.stream import Applied, Key, Output, Record, Rejected
from fleetleak.stream.spec import RoleSpec

TRANSITION_EVERY = 50
BAD = b"bad"
BOOM = b"boom"


class Link(msgspec.Struct, array_like=True):
    """State of a key: how many records and controls it saw, and the digest of all of them in order."""

    count: int = 0
    chain: str = ""
    controls: int = 0
    effect: str = ""


def _link(before: str, value: bytes) -> str:
    return hashlib.blake2b(before.encode() + value, digest_size=8).hexdigest()


class Chain:
    """Chains records and controls of a key apart: Kafka does not order two topics.

    `bad` is unreadable, `boom` makes it fail, every fiftieth record is a transition.
    """

    NAME = "chain"
    fingerprint = "chain/1"

    def __init__(self, outputs: str, effects: str) -> None:
        self._outputs = outputs
        self._effects = effects
        self._links: dict[Key, Link] = {}

    def apply(self, records: Sequence[Record]) -> Applied:
        applied = Applied()
        for record in records:
            value = record.value or b""
            if value.startswith(BAD):
                applied.rejected.append(Rejected(record, "malformed", "bad on purpose"))
                continue
            if value.startswith(BOOM):
                raise RuntimeError("boom on purpose")
            applied.outputs.append(self._one(record, value))
        return applied

    def _one(self, record: Record, value: bytes) -> Output:
        key = Key(record.partition, record.key or b"")
        link = self._links.setdefault(key, Link())
        link.count += 1
        link.chain = _link(link.chain, value)
        transition = key if link.count % TRANSITION_EVERY == 0 else None
        said = f"{record.partition}:{record.offset}:{link.count}:{link.chain}".encode()
        return Output(self._outputs, key.name, said, record.partition, transition)

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        key = Key(record.partition, record.key or b"")
        link = self._links.setdefault(key, Link())
        link.controls += 1
        link.effect = _link(link.effect, record.value or b"")
        said = f"{link.controls}:{link.effect}".encode()
        return key, Applied([Output(self._effects, key.name, said, record.partition)])

    def dump(self, keys: Sequence[Key]) -> list[bytes | None]:
        links = map(self._links.get, keys)
        return [None if link is None else msgspec.msgpack.encode(link) for link in links]

    def load(self, key: Key, state: bytes) -> None:
        self._links[key] = msgspec.msgpack.decode(state, type=Link)

    def drop(self, partition: int) -> None:
        self._links = {k: v for k, v in self._links.items() if k.partition != partition}


def _make(settings: Settings) -> Chain:
    topics = names(settings.kafka.topic_prefix)
    return Chain(topics.scores, topics.drift)


ROLE = RoleSpec(
    name="chain",
    command="processor",
    help="chain records",
    make=_make,
    input=Names.snapshots,
    outputs=(Names.scores, Names.drift),
    side=(Names.feedback,),
    state=Names.models,
)
