"""An HTTP server in front of a Prometheus: it forwards and records requests, and misbehaves on demand."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

_MOST_SECONDS = 20.0


class Request(NamedTuple):
    """A request that arrived: `target` is its path with the query, names of headers are lower case."""

    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """The last part of the path, such as `query_range`."""
        return urlsplit(self.target).path.rpartition("/")[2]

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the query."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def steps(self) -> int:
        """How many steps a range query asks for."""
        asked = self.params
        return round((float(asked["end"]) - float(asked["start"])) / float(asked["step"])) + 1

    @property
    def is_reading(self) -> bool:
        """Whether it reads samples; others ask what there is."""
        return self.path == "query_range" and not self.params["query"].startswith("count(")


class Answer(NamedTuple):
    """An answer. `sent`: so many bytes of the body are sent before the connection ends; None: all."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    sent: int | None = None


Upstream = Callable[[Request], Answer]


class Exchange(NamedTuple):
    """A request, the server behind, and what is set when the test is over."""

    request: Request
    upstream: Upstream
    over: threading.Event

    def forward(self) -> Answer:
        """Return the answer of the server behind."""
        return self.upstream(self.request)


Behaviour = Callable[[Exchange], Answer | None]
"""Returns what is answered; None closes the connection without a word."""
Predicate = Callable[[Request], bool]


def good(*results: object, **more: object) -> bytes:
    """Return the body of a good answer to a range query."""
    return json.dumps(
        {"status": "success", "data": {"resultType": "matrix", "result": results}, **more}
    ).encode()


def empty(request: Request) -> Answer:
    """Answer every request with nothing."""
    return Answer(body=good() if request.path == "query_range" else b'{"status":"success","data":[]}')


def real(url: str) -> Upstream:
    """Return a running Prometheus."""

    def ask(request: Request) -> Answer:
        try:
            with urllib.request.urlopen(f"{url}{request.target}", timeout=_MOST_SECONDS) as answer:  # noqa: S310
                return Answer(answer.status, answer.read(), {"Content-Type": answer.headers["Content-Type"]})
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read())

    return ask


def says(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Behaviour:
    """Return what answers like this."""
    return lambda exchange: Answer(status, body, headers or {})


def slow(exchange: Exchange) -> Answer | None:
    """Answer nothing before the test is over."""
    exchange.over.wait(_MOST_SECONDS)
    return None


def cut(exchange: Exchange) -> None:
    """Close the connection without a word."""


def half_sent(exchange: Exchange) -> Answer:
    """Close the connection in the middle of a good answer."""
    answer = exchange.forward()
    return answer._replace(sent=len(answer.body) // 2)


def truncated(exchange: Exchange) -> Answer:
    """Answer with half of the JSON, as if that was all."""
    answer = exchange.forward()
    return answer._replace(body=answer.body[: len(answer.body) // 2])


def marked(**fields: object) -> Behaviour:
    """Return what adds fields to good answers."""

    def mark(exchange: Exchange) -> Answer:
        answer = exchange.forward()
        return answer._replace(body=json.dumps({**json.loads(answer.body), **fields}).encode())

    return mark


def lasting(seconds: float) -> Behaviour:
    """Return what answers well after a short time."""

    def last(exchange: Exchange) -> Answer:
        exchange.over.wait(seconds)
        return exchange.forward()

    return last


def longer_than(steps: int) -> Predicate:
    """Return whether a range query asks for more steps."""
    return lambda request: request.path == "query_range" and request.steps > steps


class _Rule:
    """What happens to requests of a kind: the first `skip` of them pass, then `times` of them do not."""

    def __init__(self, behaviour: Behaviour, when: Predicate, skip: int, times: int | None) -> None:
        self.behaviour = behaviour
        self._when, self._skip, self._times = when, skip, times
        self._met = 0

    def applies(self, request: Request) -> bool:
        """Return whether it is for this request. Each request is asked about once."""
        if not self._when(request):
            return False
        self._met += 1
        after = self._met - self._skip
        return after > 0 and (self._times is None or after <= self._times)


class Proxy:
    """A running proxy.

    Attributes
    ----------
    requests
        What arrived, in its order.
    most_at_once
        How many requests were answered at the same time.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.most_at_once = 0
        self.over = threading.Event()
        self._upstream = upstream
        self._rules: list[_Rule] = []
        self._now = 0
        self._lock = threading.Lock()

    def misbehave(
        self, behaviour: Behaviour, when: Predicate = lambda _: True, skip: int = 0, times: int | None = None
    ) -> None:
        """Misbehave for requests that a predicate chooses: after `skip` of them, for `times` of them."""
        self._rules.append(_Rule(behaviour, when, skip, times))

    def behave(self) -> None:
        """Forward everything from now on."""
        self._rules.clear()

    def forget(self) -> list[Request]:
        """Forget the requests so far, and return them."""
        with self._lock:
            seen, self.requests = self.requests, []
        return seen

    def answer(self, request: Request) -> Answer | None:
        """Record a request, and return what is answered."""
        with self._lock:
            self.requests.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            rule = next((rule for rule in self._rules if rule.applies(request)), None)
        exchange = Exchange(request, self._upstream, self.over)
        try:
            return rule.behaviour(exchange) if rule else exchange.forward()
        finally:
            with self._lock:
                self._now -= 1


@contextmanager
def proxied(upstream: Upstream, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """Run a proxy in front of a server; with a TLS context its address begins with https://."""
    proxy = Proxy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _MOST_SECONDS
        disable_nagle_algorithm = True  # head and body are two packets, the second one would wait

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = proxy.answer(Request(self.path, headers))
            if answer is None or answer.sent is not None:
                self.close_connection = True
            if answer is not None:
                self._send(answer)

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.sent])

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of clients that went away."""

        def finish_request(self, request: Any, client_address: Any) -> None:
            # Not while accepting: a client that refuses the certificate would block the others.
            if tls is None:
                super().finish_request(request, client_address)
                return
            with tls.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    proxy.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
