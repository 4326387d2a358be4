"""Faults inside a worker, at a point named in its environment: FAULT_AT=point:count:action.

Only the worker of these tests installs them; the product knows nothing of them.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import confluent_kafka

from fleetleak.stream import runtime
from fleetleak.stream.apply import Applier
from fleetleak.stream.clients import Makers
from fleetleak.stream.restore import Restore
from fleetleak.stream.state_reader import StateReader
from fleetleak.stream.transaction import Transaction

POINTS: dict[str, tuple[type, str]] = {
    "apply": (Applier, "_publish"),
    "publish": (Transaction, "publish"),
    "commit": (Transaction, "commit"),
    "positions": (Restore, "_find_positions"),
    "restore": (StateReader, "step"),
    "replay": (Applier, "_replay"),
    "assign": (runtime.Runtime, "take"),
    "revoke": (runtime.Runtime, "hand_over"),
}
"""Reached right before this method runs; the points of `Watched...` below come in addition."""

CLIENT_POINTS = ("polled", "offsets", "committed")
_CALLBACKS = ("take", "hand_over", "lose")
_told_late: list[Callable[[], None]] = []
_reached: Callable[[str], None] = lambda point: None  # noqa: E731 - replaced by `install`


class WatchedConsumer(confluent_kafka.Consumer):
    """A consumer with the point `polled`: records came, but not yet the group metadata for them."""

    newest: WatchedConsumer

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        WatchedConsumer.newest = self

    def consume(self, *arguments: Any) -> list[confluent_kafka.Message]:
        while _told_late:
            _told_late.pop(0)()
        messages = super().consume(*arguments)
        if messages:
            _reached("polled")
        return messages


class WatchedProducer(confluent_kafka.Producer):
    """A producer with the points `offsets` (sent, but not committed) and `committed`."""

    def commit_transaction(self, *arguments: Any) -> None:
        _reached("offsets")
        super().commit_transaction(*arguments)
        _reached("committed")


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    """Stop until SIGCONT. Continue before a poll, when the client knows that the group removed it."""
    os.kill(os.getpid(), signal.SIGSTOP)
    until = time.monotonic() + 5
    while WatchedConsumer.newest.memberid() and time.monotonic() < until:
        time.sleep(0.01)


def _rejoin() -> None:
    """Stop until removed from the group, then poll until we are a member again. The runtime learns it later.

    So the group has us as a member when the old batch and the open transaction continue. Only the group
    metadata of the poll tells them from fresh ones.
    """
    _stop()
    originals = {name: getattr(runtime.Runtime, name) for name in _CALLBACKS}
    for name, original in originals.items():
        setattr(runtime.Runtime, name, _late(original))
    consumer = WatchedConsumer.newest
    while not (_told_late and consumer.memberid() and consumer.assignment()):
        confluent_kafka.Consumer.consume(consumer, 1, 0.1)
    for name, original in originals.items():
        setattr(runtime.Runtime, name, original)


def _late(callback: Callable[..., None]) -> Callable[..., None]:
    return lambda *arguments: _told_late.append(lambda: callback(*arguments))


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _hang() -> None:
    threading.Event().wait()


ACTIONS = {"kill": _kill, "stop": _stop, "rejoin": _rejoin, "terminate": _terminate, "hang": _hang}


WATCHED = Makers(consumer=WatchedConsumer, producer=WatchedProducer)
"""The clients of the workers' runtime."""


def install(fault: str) -> None:
    """Arm one fault: at the `count`-th time the point is reached, the action happens, once."""
    global _reached
    wanted, count, action = fault.split(":")
    left = int(count)

    def reached(point: str) -> None:
        nonlocal left
        if point == wanted:
            left -= 1
            if left == 0:
                ACTIONS[action]()

    _reached = reached
    if wanted in POINTS:
        _before(*POINTS[wanted], lambda: reached(wanted))
    elif wanted not in CLIENT_POINTS:
        raise ValueError(f"there is no point {wanted!r}")


def _before(owner: type, name: str, reached: Callable[[], None]) -> None:
    method = getattr(owner, name)

    def replaced(*arguments: Any, **named: Any) -> Any:
        reached()
        return method(*arguments, **named)

    setattr(owner, name, replaced)
