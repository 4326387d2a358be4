"""SIGINT and SIGTERM end every command, in order where that is quick, and at the latest after some seconds.

It imports nothing heavy: it is in force before anything else is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 8.0
"""How long an orderly end may take; with what Python needs, below ten."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_asked: list[int] = []


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def code(self) -> int:
        """The exit code that shells use for it."""
        return 128 + self.number


def at_once() -> None:
    """End at the first signal: while modules are loaded there is nothing to clean up."""
    for number in _SIGNALS:
        signal.signal(number, lambda number, _: os._exit(128 + number))


def in_order() -> None:
    """Raise `Stopped` in the main thread, and end whatever it is doing if it does not follow."""

    def raised(number: int, _frame: object) -> None:
        _asked.append(number)
        # Once: a second signal must not interrupt what cleans up.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    def unheard(lost: sys.UnraisableHookArgs) -> None:
        # What came inside a finalizer is raised again where it can be heard (`raise_if_asked`).
        if not isinstance(lost.exc_value, Stopped):
            sys.__unraisablehook__(lost)

    sys.unraisablehook = unheard
    on_signal(end_later)
    for number in _SIGNALS:
        signal.signal(number, raised)


def raise_if_asked() -> None:
    """Raise `Stopped` again: one that came inside a finalizer or a callback of a library was lost there.

    Raises
    ------
    Stopped
        If a signal has come.
    """
    if _asked:
        raise Stopped(_asked[0])


def end_later(number: int) -> None:
    """End the process after `SECONDS`, if it is still there."""
    time.sleep(SECONDS)
    os._exit(128 + number)


def on_signal(act: Callable[[int], None]) -> None:
    """Call `act` with the number of the first signal, in a thread of its own.

    Python's own handlers wait for the main thread, and that may be inside a call to Kafka.
    """
    # Here and not above: `at_once` is to be in force as early as can be.
    import socket
    import threading

    told, tell = socket.socketpair()
    tell.setblocking(False)

    def wait() -> None:
        act(told.recv(1)[0])

    threading.Thread(target=wait, name="signals", daemon=True).start()
    signal.set_wakeup_fd(tell.detach())
