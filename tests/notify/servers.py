"""Real servers in the place of targets: they check what they are sent, and fail in every way of a target."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

WAIT_SECONDS = 7.0
"""How long a busy target asks to wait."""
_STEP_SECONDS = 0.05
Behaviour = Callable[[socket.socket, threading.Event], None]
"""What a server does with a connection, until the event says that the test is over."""


class Failure(StrEnum):
    """How a target fails."""

    BUSY = "busy"
    BROKEN = "broken"
    REFUSED = "refused"
    CLOSED = "closed"
    ABSENT = "absent"
    SILENT = "silent"
    DRIPS_HEAD = "drips-head"
    DRIPS_BODY = "drips-body"


PASSING = frozenset(Failure) - {Failure.REFUSED}
"""The failures after which another attempt may succeed."""


class Asked(NamedTuple):
    """A request that a server got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Given(NamedTuple):
    """What a server answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Wrong(Exception):
    """The request is not what the target documents."""


class Seen(NamedTuple):
    """A message that was taken: everything in it that people read, and what it was made of."""

    text: str
    content: object = None


class Inbox:
    """What a target took.

    Attributes
    ----------
    seen
        The messages that it took.
    problems
        What was wrong with others.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.problems: list[str] = []


class Target(Inbox, ABC):
    """What stands behind an HTTP server: the documented behaviour of a service; `asked` has all requests."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []

    @abstractmethod
    def take(self, request: Asked) -> Given:
        """Check a request, note what people read in it, and answer.

        Raises
        ------
        Wrong
            If the request is not what the service documents.
        """

    def fail(self, failure: Failure, request: Asked) -> Given:
        """Answer like a service that fails. A careless one repeats what it was sent, secrets too."""
        echo = echoed(request)
        if failure is Failure.BUSY:
            return Given(429, echo, {"Retry-After": f"{WAIT_SECONDS:g}"})
        return Given(500 if failure is Failure.BROKEN else 400, echo)


def echoed(request: Asked) -> bytes:
    """Return what has secrets in a request, at the beginning of an answer."""
    return f"{request.headers.get('authorization')} {request.path} {request.body.decode()}".encode()


class Server(NamedTuple):
    """A running server: where it is, and what arrived there."""

    url: str
    inbox: Inbox


@contextmanager
def http_server(target: Target, failure: Failure | None = None) -> Iterator[Server]:
    """Run a target behind HTTP; with a failure it fails like that each time."""
    if failure is Failure.ABSENT:
        yield Server(f"http://127.0.0.1:{free_port()}", target)
        return
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            # Names of headers are not case-sensitive.
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Asked(self.command, self.path, headers, body)
            target.asked.append(request)
            if failure in _RAW:
                _RAW[failure](self.connection, released)
                self.close_connection = True
            elif failure:
                self._answer(target.fail(failure, request))
            else:
                self._answer(_taken(target, request))

        def _answer(self, given: Given) -> None:
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: logs are checked for secrets of the notifiers."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}", target)
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _taken(target: Target, request: Asked) -> Given:
    try:
        return target.take(request)
    except Wrong as wrong:
        target.problems.append(str(wrong))
        return target.fail(Failure.REFUSED, request)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def raw_server(behave: Behaviour) -> Iterator[int]:
    """Run a TCP server that behaves in one way with every connection; yield its port."""
    released = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                if released.is_set():
                    return
                behave(connection, released)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        released.set()
        socket.create_connection(listener.getsockname()).close()  # wakes the thread
        thread.join()
        listener.close()


def close(connection: socket.socket, released: threading.Event) -> None:
    """Close it without a word."""
    connection.shutdown(socket.SHUT_RDWR)


def be_silent(connection: socket.socket, released: threading.Event) -> None:
    """Keep it open without a word."""
    released.wait()


def drip(connection: socket.socket, released: threading.Event) -> None:
    """Send one byte after the other, without an end."""
    try:
        while not released.wait(_STEP_SECONDS):
            connection.sendall(b"x")
    except OSError:
        return  # the other side has had enough


def _drip_head(connection: socket.socket, released: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    drip(connection, released)


def _drip_body(connection: socket.socket, released: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    drip(connection, released)


_RAW: dict[Failure | None, Behaviour] = {
    Failure.CLOSED: close,
    Failure.SILENT: be_silent,
    Failure.DRIPS_HEAD: _drip_head,
    Failure.DRIPS_BODY: _drip_body,
}
