"""A limit in time on a whole conversation over one socket; socket timeouts limit only its single steps."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType

_AGAIN_SECONDS = 0.1


class Deadline:
    """Shuts the socket down when the time is over; use it as a context manager around the conversation.

    A peer that sends one byte now and then never runs into a socket timeout. The shutdown wakes whoever waits
    for the socket, with an end of stream or an `OSError`.

    Parameters
    ----------
    seconds
        How long the conversation may last.
    connection
        Returns the socket in use; None while there is none. Other threads call it.

    Attributes
    ----------
    passed
        Whether the time was over before the conversation was.
    """

    def __init__(self, seconds: float, connection: Callable[[], socket.socket | None]) -> None:
        self.passed = False
        self._seconds = seconds
        self._connection = connection
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="deadline", daemon=True)

    def __enter__(self) -> Deadline:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        if self._ended.wait(self._seconds):
            return
        self.passed = True
        # More than once: TLS puts another socket in the place of the first.
        while not self._ended.wait(_AGAIN_SECONDS):
            _shut_down(self._connection())


def _shut_down(connection: socket.socket | None) -> None:
    if connection is None:
        return
    try:
        # Not the method of a TLS socket: it takes the session away from a thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # not connected yet, or already closed
