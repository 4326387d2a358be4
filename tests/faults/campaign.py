"""Many faults at random moments, under load: the outputs must be those of an undisturbed run."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from fleetleak.kafka import topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.settings import Settings
from tests.faults.cluster import SESSION_SECONDS, settings_for_faults
from tests.faults.fleet import Fleet
from tests.faults.outcome import Outputs, caught_up, differences, outputs
from tests.faults.recorded import Sent, chunks, publish

_FAULTS = ("apply", "publish", "offsets", "committed", "positions", "restore", "replay", "assign", "revoke")


@dataclass
class Job:
    """The workers of a campaign, their recording, and their output topics.

    Parameters
    ----------
    commands
        Command line of each worker (tests/faults/worker.py); the first keeps its identity over restarts.
    controls
        Published beside the records: their effect must not depend on their place among these.
    reads
        Pairs of consumer group and what it must have read to the end, each without the prefix.
    writes
        Output topics, without the prefix.
    labels
        Published when the first half of the records is read, and before the second half is published. No
        other place is the same in every run, because Kafka does not order two topics.
    """

    commands: list[list[str]]
    records: list[Sent]
    controls: list[Sent]
    reads: list[tuple[str, list[str]]]
    writes: list[str]
    labels: list[Sent] = field(default_factory=list)

    def parts(self, count: int) -> list[tuple[list[Sent], list[Sent]]]:
        """Cut records and controls into so many parts, in order."""
        return list(zip(chunks(self.records, count), chunks(self.controls, count), strict=True))


class Happened(NamedTuple):
    """The faults that the workers had, and the differences of the outputs."""

    kills: int
    others: dict[str, int]
    differences: list[str]


def undisturbed(broker: EmbeddedBroker, job: Job, partitions: int, logs: Path, kills: int) -> Outputs:
    """Run one worker of each kind over the same input as `disturbed`; return the outputs."""
    settings = settings_for_faults(broker.bootstrap_servers, partitions)
    kinds = [list(words) for words in dict.fromkeys(map(tuple, job.commands))]
    fleet = Fleet(lambda identity: settings, kinds, logs, [None] * len(kinds))
    try:
        for number, (records, controls) in enumerate(job.parts(kills)):
            if job.labels and number == kills // 2:
                _tell_labels(settings, job, fleet, lambda: None)
            _feed(settings, records, controls)
        _drain(settings, job, fleet)
    finally:
        fleet.close()
    return _outputs(settings, job)


def disturbed(
    broker: EmbeddedBroker,
    job: Job,
    partitions: int,
    logs: Path,
    kills: int,
    seed: int,
    expected: Outputs,
    protocol: Literal["classic", "consumer"] = "classic",
) -> Happened:
    """Run the workers through faults, at least `kills` of them kill -9; compare with `expected`."""
    logs.mkdir(exist_ok=True)
    settings = settings_for_faults(broker.bootstrap_servers, partitions)
    settings.kafka.group_protocol = protocol
    identities = [f"{settings.kafka.topic_prefix}-0", *[None] * (len(job.commands) - 1)]
    fleet = Fleet(lambda identity: _named(settings, identity), job.commands, logs, identities)
    try:
        faults = Faults(fleet, broker, random.Random(seed))
        for number, (records, controls) in enumerate(job.parts(kills)):
            if job.labels and number == kills // 2:
                _tell_labels(settings, job, fleet, faults.kill)
            _feed(settings, records, controls)
            faults.strike(number)
        _drain(settings, job, fleet)
    finally:
        fleet.close()
    return Happened(fleet.kills, faults.others, differences(expected, _outputs(settings, job)))


class Faults:
    """Does one thing after another to a fleet."""

    def __init__(self, fleet: Fleet, broker: EmbeddedBroker, random_: random.Random) -> None:
        self._fleet = fleet
        self._broker = broker
        self._random = random_
        self._extras: list[Callable[[], None]] = [self._restart_broker, self._sleep, self._leave]
        self.others = {"broker": 0, "zombie": 0, "leave": 0}

    def strike(self, number: int) -> None:
        """Kill one worker at a random moment; every third time do something else first."""
        if number % 3 == 1:
            self._extras[number // 3 % len(self._extras)]()
        self._fleet.pause(self._random.uniform(0.1, 1.5))
        self.kill()

    def kill(self) -> None:
        """Kill one worker now; the next one may kill itself at a point of its own."""
        fault = self._random.choice(_FAULTS)
        armed = f"{fault}:{self._random.randint(1, 3)}:kill" if self._random.random() < 0.6 else ""
        self._fleet.kill(self._any(), armed)

    def _any(self) -> int:
        return self._random.randrange(len(self._fleet.places))

    def _restart_broker(self) -> None:
        self.others["broker"] += 1
        self._broker.stop(signal.SIGKILL)
        self._fleet.pause(1)
        self._broker.start()

    def _sleep(self) -> None:
        self.others["zombie"] += 1
        worker = self._fleet.places[self._any()]
        worker.signal(signal.SIGSTOP)
        self._fleet.pause(SESSION_SECONDS + 2)
        worker.signal(signal.SIGCONT)

    def _leave(self) -> None:
        self.others["leave"] += 1
        self._fleet.leave(self._any())


def _named(settings: Settings, identity: str | None) -> Settings:
    if identity is None:
        return settings
    named = msgspec.convert(msgspec.to_builtins(settings), Settings)
    named.kafka.instance_id = identity
    return named


def _feed(settings: Settings, records: list[Sent], controls: list[Sent]) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    publish(settings, names.feedback, controls)
    publish(settings, names.snapshots, records)


def _tell_labels(settings: Settings, job: Job, fleet: Fleet, strike: Callable[[], None]) -> None:
    _drain(settings, job, fleet)
    publish(settings, topics.names(settings.kafka.topic_prefix).feedback, job.labels)
    strike()
    _drain(settings, job, fleet)


def _drain(settings: Settings, job: Job, fleet: Fleet, seconds: float = 240) -> None:
    """Wait until everything is read to the end; the workers' offsets say so."""
    until = time.monotonic() + seconds
    prefix = settings.kafka.topic_prefix
    for group, read in job.reads:
        while not caught_up(settings, f"{prefix}-{group}", [f"{prefix}.{topic}" for topic in read]):
            assert time.monotonic() < until, f"{group} has not read its input to the end"
            fleet.pause(0.5)


def _outputs(settings: Settings, job: Job) -> Outputs:
    return outputs(settings, [f"{settings.kafka.topic_prefix}.{topic}" for topic in job.writes])
