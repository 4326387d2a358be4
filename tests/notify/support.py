"""Alerts, a notifier that remembers, and channels, for tests of notices."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from fleetleak.records import Alert, encode
from fleetleak.stream import Record
from fleetleak.stream.target import Answer, Delivered
from sinks.notify.channel import Channel
from sinks.notify.notifier import Notice, Notifier
from sinks.notify.routes import Route
from sinks.notify.targets import Common, TargetSpec
from tests.notify.servers import Asked, Given, Target

START = 1_790_000_000.0


def alert(service: str = "shop/cart", time: float = 0.0, **other: Any) -> Alert:
    """Return a transition `time` seconds after the start; its alert began then unless `since` is given."""
    plain = Alert(
        key=f"{service}/{START:.0f}", state="firing", service=service, instance=f"{service}-0",
        time=START + time, since=START + time, severity="high", kind="linear", confidence=0.9,
        summary=f"{service} grows 68 MiB/h", recommendation="take a heap profile",
    )  # fmt: skip
    return replace(plain, **other)


def partition_of(one: Alert) -> int:
    """Return the partition of an alert, one of two."""
    return zlib.crc32(one.key.encode()) % 2


def record(one: Alert) -> Record:
    return Record(partition_of(one), 0, one.service.encode(), encode(one), one.time, topic="t.alerts")


class Fields(Struct, forbid_unknown_fields=True):
    """Fields of a target that has none."""


class Remembering(Notifier):
    """A notifier that keeps every notice; `answer` decides what becomes of it."""

    SETTINGS = Fields
    DEDUPLICATES = True

    def __init__(self, settings: Fields | None = None) -> None:
        self.answer: Callable[[Notice], Answer] = lambda notice: Delivered(f"ref of {notice.key}")
        self.tried: list[Notice] = []
        self.notices: list[Notice] = []
        self.lock = threading.Lock()

    def send(self, notice: Notice) -> Answer:
        answer = self.answer(notice)
        with self.lock:
            self.tried.append(notice)
            if isinstance(answer, Delivered):
                self.notices.append(notice)
        return answer

    def told(self) -> list[tuple[str, str]]:
        """Return key and state of each notice that was taken."""
        return [(notice.key, notice.state) for notice in self.notices]


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def spec(routes: list[Route] | None = None, name: str = "ops", **common: Any) -> TargetSpec:
    """Return a target that is told of everything, if `routes` does not say otherwise."""
    fields = {"per_minute": 10_000, **common}
    return TargetSpec(name, Common(kind="remembering", **fields), Remembering, Fields(), routes or [()])


class Told:
    """A channel of one target with two partitions, and what it stored of them."""

    def __init__(
        self, notifier: Remembering, one: TargetSpec | None = None, clock: Clock | None = None,
        stored: dict[int, dict[bytes, bytes]] | None = None,
    ) -> None:  # fmt: skip
        self.notifier = notifier
        self.spec = one or spec()
        self.clock = clock or Clock()
        self.channel = Channel(self.spec, notifier, clock=self.clock)
        self.stored: dict[int, dict[bytes, bytes]] = stored or {0: {}, 1: {}}
        for partition, values in self.stored.items():
            self.channel.assigned(partition, dict(values))

    def offer(self, one: Alert) -> Answer:
        """Make an attempt, and store what it says."""
        partition = partition_of(one)
        answer = self.channel.attempt(record(one))
        if isinstance(answer, Delivered):
            for key, value in answer.stored:
                if value is None:
                    del self.stored[partition][key]
                else:
                    self.stored[partition][key] = value
        return answer

    def outcome(self, one: Alert) -> str:
        """Make an attempt, and return the word that it is counted under."""
        answer = self.offer(one)
        assert isinstance(answer, Delivered), answer
        return answer.outcome

    def restarted(self) -> Told:
        """Return a new channel that begins with what this one stored."""
        return Told(self.notifier, self.spec, self.clock, self.stored)


class Receiver(Target):
    """A target that answers with `status`, and keeps what it took."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.status = 200
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    def take(self, request: Asked) -> Given:
        if self.status == 200:
            self.bodies.append(json.loads(request.body) | {"raw": request.body})
            self.headers.append(request.headers)
        return Given(self.status)

    def told(self) -> list[tuple[str, str]]:
        return [(body["key"], body["state"]) for body in self.bodies]
