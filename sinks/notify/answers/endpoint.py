"""The small HTTP server for what comes back from targets: answers, and requests for pictures."""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import unquote

from sinks.notify.answers.refused import Refused
from sinks.notify.deadline import Deadline

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 64 * 1024
_MOST_AT_ONCE = 16
_SECONDS = 5.0
_POLL_SECONDS = 0.1
_DRAINED_BYTES = 1024 * 1024
_LENGTH = re.compile("[0-9]{1,12}")


class Request(NamedTuple):
    """A request; the names of its headers are in lower case, and its path has no query."""

    path: str
    headers: Mapping[str, str]
    body: bytes = b""


class Response(NamedTuple):
    """What to answer, and what to do after that, where it takes longer than the other side waits."""

    status: int
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    afterwards: Callable[[], object] | None = None


Handle = Callable[[Request], Response]
"""It may raise `Refused`. It runs in a thread of its own, several at the same time."""


class Endpoint:
    """Serves until closed; use it as a context manager. It stands behind a proxy that does TLS.

    A request that takes more than 5 s is cut off; 16 requests are served at once, others get 503.

    Parameters
    ----------
    address, port
        Where to listen; port 0 means a free port, see `port`.
    handles
        What answers a method and a path. A path that ends with a slash stands for all that begin with it.

    Attributes
    ----------
    port
        The port that is in use.
    """

    def __init__(self, address: str, port: int, handles: Mapping[tuple[str, str], Handle]) -> None:
        self._server = _Server((address, port), _handler(handles))
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="answers", daemon=True
        )

    def __enter__(self) -> Endpoint:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a request, unless there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        try:
            request.sendall(
                b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
            )
        except OSError:
            log.debug("a caller went away")
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log that a connection broke."""
        log.debug("a request broke off", exc_info=True)


def _handler(handles: Mapping[tuple[str, str], Handle]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS
        server_version = "fleetleak"
        sys_version = ""

        def handle(self) -> None:
            connection: socket.socket = self.connection
            with Deadline(_SECONDS, lambda: connection):
                super().handle()

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            response = self._response()
            self.send_response(response.status)
            self.send_header("Content-Type", response.kind)
            self.send_header("Content-Length", str(len(response.body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(response.body)
            if response.afterwards:
                response.afterwards()

        def _response(self) -> Response:
            path = unquote(self.path.partition("?")[0])
            try:
                handle = _handle(handles, self.command, path)
                body = self._body()
                headers = {name.lower(): value for name, value in self.headers.items()}
                return handle(Request(path, headers, body))
            except Refused as refused:
                return Response(refused.status, f"{refused.words}\n".encode())
            except Exception:
                log.exception("an answer could not be taken")
                return Response(500, b"it could not be taken; see the log\n")

        def _body(self) -> bytes:
            if self.command != "POST":
                return b""
            length = _length(self.headers.get("Content-Length", ""))
            if length > MOST_BODY_BYTES:
                # Without this the caller would see a broken connection in place of the status.
                self.rfile.read(min(length, _DRAINED_BYTES))
                raise Refused(413, f"at most {MOST_BODY_BYTES} bytes are taken")
            body = self.rfile.read(length)
            if len(body) < length:
                raise Refused(400, "the body is shorter than its Content-Length")
            return body

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: anybody can send requests."""

    return Handler


def _length(header: str) -> int:
    if not _LENGTH.fullmatch(header):
        raise Refused(411, "a Content-Length is needed")
    return int(header)


def _handle(handles: Mapping[tuple[str, str], Handle], method: str, path: str) -> Handle:
    """Return what answers a method and a path.

    Raises
    ------
    Refused
        404 for an unknown path, 405 for a known one with another method.
    """
    methods = {
        known: handle
        for (known, place), handle in handles.items()
        if path == place or (place.endswith("/") and path.startswith(place))
    }
    if not methods:
        raise Refused(404, "there is nothing")
    if method not in methods:
        raise Refused(405, f"only {', '.join(sorted(methods))}")
    return methods[method]
