"""The cases of the conformance suite: how each role is made, and an input that exercises it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import orjson

from fleetleak.records import Label, Promotion, control, encode
from fleetleak.records.control import ModelDelete
from fleetleak.records.label import Verdict
from fleetleak.settings import Settings
from fleetleak.stream import Record, Role
from fleetleak_app import roles
from tests.bridge import otlp
from tests.faults.chain import Chain
from tests.faults.recorded import Sent, controls, snapshot_input
from tests.kafka.counting import Counting
from tests.stream.journal import Event, Side, clocked
from tests.stream.parts import Silence, Summing

PARTITIONS = 2
_SERVICES = 8
_TICKS = 60
_VERDICTS: list[Verdict] = ["not-a-leak", "leak", "expected"]


@dataclass(frozen=True)
class Case:
    """One role with an input."""

    make: Callable[[], Role]
    events: Callable[[], Sequence[Event]]


def _records(sent: Sequence[Sent], seconds: float = 30.0) -> list[Record]:
    offsets = [0] * PARTITIONS
    records = []
    for number, one in enumerate(sent):
        time = 1_700_000_000.0 + seconds * number
        records.append(Record(one.partition, offsets[one.partition], one.key, one.value, time))
        offsets[one.partition] += 1
    return records


def _with_side(records: Sequence[Record], side: Sequence[Sent], seed: int = 3) -> list[Event]:
    """Return the records with side records at random places."""
    chance = random.Random(seed)
    events: list[Event] = list(records)
    for number, one in enumerate(side):
        place = chance.randrange(len(events) // 3, len(events))
        events.insert(place, Side(Record(one.partition, number, one.key, one.value, 0.0)))
    return clocked(events)


@cache
def _small() -> Sequence[Event]:
    """Records of few keys, some unreadable, with long gaps in time."""
    chance = random.Random(11)
    sent = []
    for number in range(400):
        key = chance.randrange(6)
        value = chance.choice([b"1", b"2", b"3", b"ignore", b"bad"])
        sent.append(Sent(key % PARTITIONS, b"k%d" % key, value if number % 7 else b"4"))
    records = _records(sent, seconds=40.0)
    side = [Sent(k % PARTITIONS, b"k%d" % k, value) for k in range(6) for value in (b"ask", b"forget")]
    return _with_side(records, side)


@cache
def _chain() -> Sequence[Event]:
    sent = [Sent(n * 7 % 5 % PARTITIONS, b"s%d" % (n * 7 % 5), b"record-%d" % n) for n in range(400)]
    return _with_side(_records(sent), controls(12, 5, PARTITIONS, 1))


@cache
def _snapshots() -> Sequence[Event]:
    """Snapshots of services of which one leaks, with control records of every kind."""
    records = _records(snapshot_input(_TICKS, _SERVICES, PARTITIONS, 5))
    return _with_side(records, _feedback())


@cache
def _scores() -> Sequence[Event]:
    """The scores of those snapshots, and the same control records."""
    scoring = roles.role("processor").make(Settings())
    events = [event for event in _snapshots() if isinstance(event, Record)]
    outputs = scoring.apply(events).outputs
    sent = [Sent(o.partition or 0, o.key, o.value or b"") for o in outputs]
    return _with_side(_records(sent), _feedback())


@cache
def _of_a_collector() -> Sequence[Event]:
    """Messages of OpenTelemetry's Collector, some of which nobody can read; keys mean nothing there."""
    chance = random.Random(5)
    sent = []
    for number in range(200):
        time = otlp.BEGIN + 30.0 * number
        pods = [otlp.kubelet(time, (100 + number) * otlp.MIB, _pod(n)) for n in range(3)]
        value = chance.choice([b"", b"bad", otlp.message()]) if number % 9 == 5 else otlp.message(*pods)
        sent.append(Sent(number % PARTITIONS, b"%d" % chance.randrange(5), value))
    return _with_side(_records(sent), ())


def _pod(number: int) -> otlp.Attributes:
    return {**otlp.WITH_ATTRIBUTES, "k8s.pod.name": f"cart-{number}"}


@cache
def _of_an_adapter() -> Sequence[Event]:
    sent = []
    for number in range(200):
        sample = {
            "name": "process_resident_memory_bytes",
            "value": str(number) if number % 9 else "no number",
            "timestamp": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
            "labels": {"job": "cart", "instance": f"10.0.0.{number % 5}:80"},
        }
        sent.append(Sent(number % PARTITIONS, b"", orjson.dumps(sample) if number % 7 else b"{"))
    return _with_side(_records(sent), ())


@cache
def _readings() -> Sequence[Event]:
    """What is read of pods that restart, with limits apart, of hosts, and of what is late; then silence."""
    decode, chance, sent = roles.role("bridge-otlp").make(Settings()), random.Random(7), []
    for number in range(150):
        time = otlp.BEGIN + 30.0 * number
        resources = [
            otlp.kubelet(time - (40.0 if chance.random() < 0.1 else 0.0), (100 + number) * otlp.MIB, _pod(n))
            for n in range(4)
            if number < 100 or n != 2
        ]
        host = {"host.name": "node-a"}, [otlp.Point("system.memory.limit", 2**34, time)]
        host[1].append(otlp.Point("system.linux.memory.available", 2**33 - number, time))
        message = otlp.message(*resources, otlp.cluster(time + 1, 2**30, number // 50, "OOMKilled"), host)
        sent += decode.apply([Record(0, number, None, message, time)]).outputs
    keys = sorted({one.key for one in sent})
    return _with_side(
        _records([Sent(keys.index(o.key) % PARTITIONS, o.key, o.value or b"") for o in sent], seconds=6.0), ()
    )


def _feedback() -> list[Sent]:
    """Return labels, a deletion, promotions, and what is no control record."""

    def of(service: int, record: bytes) -> Sent:
        return Sent(service % PARTITIONS, b"service-%d" % service, record)

    labels = [
        of(0, encode(Label(service="service-0", verdict=v, author="ann", time=1.7e9))) for v in _VERDICTS
    ]
    deletions = [of(5, encode(ModelDelete(service="service-5", author="ann", time=1.7e9)))]
    promotions = [
        Sent(number, control.PROMOTION_KEY, encode(Promotion(track=track, author="ann", time=1.7e9)))
        for number in range(PARTITIONS)
        for track in ("bold", "main")
    ]
    return [*labels, *deletions, *promotions, of(1, b"{"), of(1, b'{"schema":"clock-probe/1"}')]


def _registered(name: str) -> Callable[[], Role]:
    return lambda: roles.role(name).make(Settings())


def _adapter() -> Role:
    settings = Settings()
    settings.bridge.format, settings.bridge.topic = "prometheus-adapter", "metrics"
    return roles.role("bridge-kafka").make(settings)


CASES = {
    "bridge-otlp": Case(_registered("bridge-otlp"), _of_a_collector),
    "bridge-kafka": Case(_adapter, _of_an_adapter),
    "bridge-snapshots": Case(_registered("bridge-snapshots"), _readings),
    "processor": Case(_registered("processor"), _snapshots),
    "alerting": Case(_registered("alerting"), _scores),
    "drift": Case(_registered("drift"), _scores),
    "silence": Case(Silence, _small),
    "summing": Case(Summing, _small),
    "counting": Case(lambda: Counting("counts"), _chain),
    "chain": Case(lambda: Chain("chained", "effects"), _chain),
}
"""Every registered role (a test sees to it), and the small ones of the tests."""
