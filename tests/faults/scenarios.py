"""Faults at one exact point each. Every scenario returns how its outputs differ from the undisturbed ones.

`mutation` removes a step of the protocol in the workers: the scenario must then find differences.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from fleetleak.kafka import topics
from fleetleak.settings import Settings
from fleetleak.stream import Record
from tests.faults.chain import Chain
from tests.faults.fleet import Worker
from tests.faults.outcome import Outputs, caught_up, differences, outputs
from tests.faults.recorded import Sent, chain_input, controls, publish

_RECORDS, _SERVICES, _CONTROLS = 3000, 40, 60
_SEED = 11


class Workers:
    """Starts chain workers on topics of their own, with the recording in three parts."""

    def __init__(self, settings: Settings, logs: Path, mutation: str, stack: ExitStack) -> None:
        self.settings = settings
        self.names = topics.names(settings.kafka.topic_prefix)
        self.seconds = 25.0 if mutation else 90.0
        self._logs = logs
        self._mutation = mutation
        self._stack = stack
        self._started: list[Worker] = []
        count = settings.topics.partitions
        records = chain_input(_RECORDS, _SERVICES, count, _SEED)
        told = controls(_CONTROLS, _SERVICES, count, _SEED)
        third, few = _RECORDS // 3, _CONTROLS // 3
        self._records = [records[i * third : (i + 1) * third] for i in range(3)]
        self._controls = [told[i * few : (i + 1) * few] for i in range(3)]

    def feed(self, part: int) -> None:
        """Append one part of the recording."""
        publish(self.settings, self.names.feedback, self._controls[part])
        publish(self.settings, self.names.snapshots, self._records[part])

    def start(self, fault: str = "") -> Worker:
        """Start a worker."""
        log = self._logs / f"worker-{time.monotonic_ns()}.log"
        worker = Worker(self.settings, ["chain"], log, fault, self._mutation)
        self._stack.callback(worker.close)
        self._started.append(worker)
        return worker

    def gave_up(self) -> list[str]:
        """Return the last words of workers that ended by themselves, and not well."""
        ended = {None, 0, -signal.SIGKILL, -signal.SIGTERM}
        return [worker.said()[-2000:] for worker in self._started if worker.status() not in ended]

    def caught_up(self) -> bool:
        """Return whether all of the input is committed."""
        group = f"{self.settings.kafka.topic_prefix}-{Chain.NAME}"
        return caught_up(self.settings, group, [self.names.snapshots, self.names.feedback])

    def found(self) -> list[str]:
        """Return the differences from the outputs of an undisturbed role."""
        self.wait(self.caught_up)
        actual = outputs(self.settings, [self.names.scores, self.names.drift])
        return differences(self._undisturbed(), actual)

    def wait(
        self, condition: Callable[[], bool], what: str = "the input was not committed to its end"
    ) -> None:
        """Wait until a condition holds.

        Raises
        ------
        TimeoutError
            With `what` and the end of the workers' logs.
        """
        until = time.monotonic() + self.seconds
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError("\n".join([what, *(w.said()[-1500:] for w in self._started)]))
            time.sleep(0.2)

    def _undisturbed(self) -> Outputs:
        role = Chain(".scores", ".drift")
        values: Outputs = {}
        for told in chain(*self._controls):
            for output in role.control(Record(told.partition, 0, told.key, told.value, 0.0))[1].outputs:
                values.setdefault((output.topic, told.partition, output.key), []).append(output.value or b"")
        for record in _numbered(chain(*self._records)):
            for output in role.apply([record]).outputs:
                values.setdefault((output.topic, record.partition, output.key), []).append(
                    output.value or b""
                )
        return values


def _numbered(records: Iterable[Sent]) -> Iterator[Record]:
    offsets: dict[int, int] = {}
    for sent in records:
        offset = offsets.get(sent.partition, 0)
        offsets[sent.partition] = offset + 1
        yield Record(sent.partition, offset, sent.key, sent.value, 0.0)


def killed(workers: Workers) -> list[str]:
    """A worker is killed with uncommitted work, and only Kafka has its state."""
    first = workers.start()
    workers.feed(0)
    workers.wait(workers.caught_up)
    workers.feed(1)
    first.signal(signal.SIGKILL)
    workers.start()
    workers.wait(workers.caught_up)
    workers.feed(2)
    return workers.found()


def killed_at(point: str) -> Callable[[Workers], list[str]]:
    """Kill a worker with SIGKILL at a point; another worker continues."""

    def scenario(workers: Workers) -> list[str]:
        first = workers.start()
        workers.feed(0)
        workers.wait(workers.caught_up)
        first.signal(signal.SIGKILL)
        dying = workers.start(f"{point}:1:kill")
        workers.feed(1)
        assert dying.wait(90) == -signal.SIGKILL, f"{point} was not reached"
        workers.start()
        workers.feed(2)
        return workers.found()

    return scenario


def zombie(point: str, action: str = "stop") -> Callable[[Workers], list[str]]:
    """A worker stops for longer than its session with a batch in work, wakes, and continues."""

    def scenario(workers: Workers) -> list[str]:
        first = workers.start()
        workers.feed(0)
        workers.wait(workers.caught_up)
        first.signal(signal.SIGTERM)
        sleeper = workers.start(f"{point}:1:{action}")
        workers.feed(1)
        workers.wait(sleeper.stopped, f"{point} was not reached")
        workers.start()
        workers.wait(workers.caught_up)
        sleeper.signal(signal.SIGCONT)
        time.sleep(2)
        workers.feed(2)
        return workers.found()

    return scenario


def zombie_in_restore(workers: Workers) -> list[str]:
    """A worker sleeps past its session in a restore; the state it then reads is newer than its offsets."""
    differing = zombie("restore")(workers)
    return [*differing, *workers.gave_up()]


def pending(workers: Workers) -> list[str]:
    """The old owner sent its offsets, but its checkpoints reach the broker only after the takeover began."""
    kafka = workers.settings.kafka
    kafka.properties["linger.ms"] = "30000"
    sleeper = workers.start("offsets:1:stop")
    workers.feed(0)
    workers.wait(sleeper.stopped, "offsets were not sent")
    del kafka.properties["linger.ms"]
    other = workers.start()
    workers.wait(lambda: "partitions assigned" in other.said(), "no takeover")
    time.sleep(3)
    sleeper.signal(signal.SIGCONT)
    workers.feed(1)
    workers.wait(workers.caught_up)
    workers.feed(2)
    return workers.found()


def stopped_in_replay(workers: Workers) -> list[str]:
    """A worker is asked to end while it replays: it is behind what was committed before it."""
    _leave_much_to_replay(workers)
    workers.feed(1)
    ending = workers.start("replay:3:terminate")
    assert ending.wait(90) == 0
    workers.start()
    workers.feed(2)
    return workers.found()


def controls_in_replay(workers: Workers) -> list[str]:
    """Control records wait for a worker that has to replay, and it dies after its first commit."""
    _leave_much_to_replay(workers)
    workers.feed(1)
    # The least that a fetch gives: controls are not behind all of the input.
    workers.settings.kafka.properties["max.partition.fetch.bytes"] = "1000"
    workers.settings.runtime.batch_records = 5
    workers.settings.runtime.commit_interval_seconds = 0.02
    dying = workers.start("committed:1:kill")
    assert dying.wait(90) == -signal.SIGKILL
    workers.start()
    workers.feed(2)
    return workers.found()


def _leave_much_to_replay(workers: Workers) -> None:
    workers.settings.runtime.checkpoint_interval_seconds = 600
    first = workers.start()
    workers.feed(0)
    workers.wait(workers.caught_up)
    first.signal(signal.SIGKILL)
    workers.settings.runtime.batch_records = 50


def transaction_times_out(workers: Workers) -> list[str]:
    """A worker sleeps longer than its transaction may last, but keeps its partitions."""
    workers.settings.runtime.session_timeout_seconds = 60
    workers.settings.runtime.transaction_timeout_seconds = 1
    sleeper = workers.start("offsets:1:stop")
    workers.feed(0)
    workers.wait(sleeper.stopped, "offsets were not sent")
    time.sleep(4)
    sleeper.signal(signal.SIGCONT)
    workers.wait(lambda: sleeper.status() is not None or workers.caught_up())
    if sleeper.status() is not None:
        assert "must be started again" in sleeper.said()
        workers.start()
    workers.feed(1)
    workers.feed(2)
    return workers.found()


class Scenario(NamedTuple):
    """One scenario, and the transaction timeout that it needs, in seconds."""

    play: Callable[[Workers], list[str]]
    transaction_timeout: float = 4.0


SCENARIOS = {
    "killed": Scenario(killed),
    "killed-in-publish": Scenario(killed_at("publish")),
    "killed-in-commit": Scenario(killed_at("offsets")),
    "killed-after-commit": Scenario(killed_at("committed")),
    "killed-in-restore": Scenario(killed_at("restore")),
    "killed-in-replay": Scenario(killed_at("replay")),
    "killed-in-rebalance": Scenario(killed_at("assign")),
    "stopped-in-replay": Scenario(stopped_in_replay),
    "controls-in-replay": Scenario(controls_in_replay),
    "zombie-with-a-batch": Scenario(zombie("apply")),
    "zombie-in-restore": Scenario(zombie_in_restore),
    "zombie-at-the-poll": Scenario(zombie("polled")),
    "zombie-polls-again": Scenario(zombie("apply", "rejoin")),
    "pending-transaction": Scenario(pending, 60.0),
    "transaction-times-out": Scenario(transaction_times_out),
}


def play(name: str, settings: Settings, logs: Path, mutation: str = "") -> list[str]:
    """Play one scenario, and return the differences between the outputs."""
    scenario = SCENARIOS[name]
    settings.runtime.transaction_timeout_seconds = scenario.transaction_timeout
    with ExitStack() as stack:
        try:
            return scenario.play(Workers(settings, logs, mutation, stack))
        except TimeoutError as error:
            return [str(error)]


CAUGHT_BY = {
    "outputs-without-offsets": "killed",
    "restore-without-replay": "killed",
    "checkpoint-without-offset": "killed",
    "metadata-at-commit": "zombie-polls-again",
    "state-before-offsets": "pending-transaction",
}
"""The scenario that must find each mutation."""
