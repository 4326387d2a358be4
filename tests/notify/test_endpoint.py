"""The endpoint for answers, over real HTTP."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import NamedTuple

import msgspec
import pytest

from fleetleak.records import Label
from sinks.notify.answers import handlers
from sinks.notify.answers.endpoint import MOST_BODY_BYTES, Endpoint, Request, Response
from sinks.notify.answers.refused import Refused
from tests.notify import test_pagerduty_answers as pagerduty
from tests.notify import test_slack_answers as slack
from tests.notify.notices import KEY

MOST_AT_ONCE = 16
PNG = b"\x89PNG\r\n\x1a\n"


class Answer(NamedTuple):
    status: int
    kind: str
    body: bytes


class Board:
    """What the handlers of an endpoint did."""

    def __init__(self) -> None:
        self.labels: list[Label] = []
        self.told: list[tuple[str, bytes]] = []
        self.requests: list[Request] = []
        self.open = threading.Event()
        self.busy = threading.Semaphore(0)

    def echo(self, request: Request) -> Response:
        self.requests.append(request)
        return Response(200, request.body)

    def wait(self, request: Request) -> Response:
        self.busy.release()
        self.open.wait(30)
        return Response(200)

    def fail(self, request: Request) -> Response:
        raise RuntimeError("a bug")

    def refuse(self, request: Request) -> Response:
        raise Refused(418, "a teapot")

    def tell(self, url: str, body: bytes) -> None:
        self.told.append((url, body))


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def endpoint(board: Board) -> Iterator[Endpoint]:
    pictures = {"one": PNG, "..": b"a file outside"}
    table = {
        ("POST", "/slack"): handlers.slack(slack.SECRET, board.labels.append, board.tell, lambda: slack.NOW),
        ("POST", "/pagerduty"): handlers.pagerduty(
            pagerduty.SECRET, board.labels.append, pagerduty.SERVICES.get, lambda: pagerduty.NOW
        ),
        ("GET", handlers.PICTURES): handlers.pictures(pictures.get),
        ("POST", "/echo"): board.echo,
        ("POST", "/wait"): board.wait,
        ("GET", "/fail"): board.fail,
        ("GET", "/refuse"): board.refuse,
    }
    with Endpoint("127.0.0.1", 0, table) as running:
        yield running
        board.open.set()


def ask(
    endpoint: Endpoint,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    with closing(HTTPConnection("127.0.0.1", endpoint.port, timeout=30)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.getheader("Content-Type", ""), response.read())


def raw(endpoint: Endpoint, request: bytes) -> bytes:
    """Send bytes, and return all that comes until the connection ends."""
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_pressed_button_becomes_a_label_and_words(endpoint: Endpoint, board: Board) -> None:
    body = slack.interaction("fleetleak-not-a-leak")
    answer = ask(endpoint, "POST", "/slack", body, slack.signed(body))
    assert (answer.status, answer.kind) == (200, "application/json")
    said = msgspec.json.decode(answer.body)
    assert said["response_type"] == "ephemeral"
    assert said["text"].startswith("recorded: shop/cart is not a leak.")
    assert [(label.alert, label.verdict) for label in board.labels] == [(KEY, "not-a-leak")]
    until(lambda: board.told == [("https://hooks.slack.com/actions/T01/1/abc", answer.body)])


def test_a_forged_press_changes_nothing(endpoint: Endpoint, board: Board) -> None:
    body = slack.interaction()
    answer = ask(endpoint, "POST", "/slack", body, slack.signed(body, slack.NOW, "another"))
    assert answer.status == 401
    assert b"check the signing secret" in answer.body
    assert (board.labels, board.told) == ([], [])


def test_a_resolved_incident_becomes_a_weak_label(endpoint: Endpoint, board: Board) -> None:
    body = pagerduty.webhook()
    assert ask(endpoint, "POST", "/pagerduty", body, pagerduty.signed(body)).status == 200
    assert [(label.alert, label.weak) for label in board.labels] == [(KEY, True)]


def test_another_event_is_accepted_without_a_label(endpoint: Endpoint, board: Board) -> None:
    body = pagerduty.webhook(event_type="incident.triggered")
    assert ask(endpoint, "POST", "/pagerduty", body, pagerduty.signed(body)).status == 200
    assert board.labels == []


def test_a_picture_is_served(endpoint: Endpoint) -> None:
    assert ask(endpoint, "GET", "/pictures/one.png?v=2") == Answer(200, "image/png", PNG)


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/two.png",
        "/pictures/",
        "/pictures/one",
        "/pictures/...png",
        "/pictures/%2e%2e.png",
        "/pictures/a/one.png",
        "/pictures/..%2fone.png",
        "/pictures/%00.png",
        "/pictures",
        "/",
        "/echo/x",
        "//[",
    ],
)
def test_other_paths_have_nothing(endpoint: Endpoint, path: str) -> None:
    assert ask(endpoint, "GET", path).status == 404


@pytest.mark.parametrize(("method", "path"), [("GET", "/slack"), ("POST", "/pictures/one.png")])
def test_a_wrong_method_is_said(endpoint: Endpoint, method: str, path: str) -> None:
    assert ask(endpoint, method, path, b"").status == 405


def test_a_route_gets_body_and_headers(endpoint: Endpoint, board: Board) -> None:
    body = bytes(range(256)) * (MOST_BODY_BYTES // 256)
    assert ask(endpoint, "POST", "/echo?q=1", body, {"X-Some": "thing"}) == Answer(
        200, "text/plain; charset=utf-8", body
    )
    assert board.requests[0].path == "/echo"
    assert board.requests[0].headers["x-some"] == "thing"


@pytest.mark.parametrize("more", [1, 100_000, 5_000_000])
def test_a_large_body_is_refused(endpoint: Endpoint, board: Board, more: int) -> None:
    head = f"POST /echo HTTP/1.0\r\nContent-Length: {MOST_BODY_BYTES + more}\r\n\r\n".encode()
    answer = raw(endpoint, head + b"x" * min(MOST_BODY_BYTES + more, 1024 * 1024))
    assert answer.startswith(b"HTTP/1.0 413 ")
    assert board.requests == []


@pytest.mark.parametrize(
    "length", ["", "Content-Length: -1\r\n", "Content-Length: x\r\n", "Content-Length: ²\r\n"]
)
def test_a_body_needs_a_length(endpoint: Endpoint, length: str) -> None:
    request = f"POST /echo HTTP/1.0\r\n{length}\r\n".encode()
    assert raw(endpoint, request).startswith(b"HTTP/1.0 411 ")


def test_a_body_that_ends_early_is_refused(endpoint: Endpoint, board: Board) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) as connection:
        connection.sendall(b"POST /echo HTTP/1.0\r\nContent-Length: 9\r\n\r\nabc")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536).startswith(b"HTTP/1.0 400 ")
    assert board.requests == []


def test_a_refusal_has_its_status_and_words(endpoint: Endpoint) -> None:
    assert ask(endpoint, "GET", "/refuse") == Answer(418, "text/plain; charset=utf-8", b"a teapot\n")


def test_a_bug_is_logged_and_not_shown(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = ask(endpoint, "GET", "/fail")
    assert answer.status == 500
    assert b"a bug" not in answer.body
    assert "a bug" in caplog.text


def test_who_sends_no_end_is_cut_off(endpoint: Endpoint, board: Board) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) as connection:
        connection.sendall(b"POST /echo HTTP/1.0\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(300):  # 30 s, each byte in time
                time.sleep(0.1)
                connection.sendall(b"x")
            pytest.fail("it was served to the end")
        except (BrokenPipeError, ConnectionResetError):
            assert board.requests == []


def test_too_many_requests_at_once_are_sent_away(endpoint: Endpoint, board: Board) -> None:
    request = b"POST /wait HTTP/1.0\r\nContent-Length: 0\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            connection = socket.create_connection(("127.0.0.1", endpoint.port), timeout=30)
            stack.enter_context(connection)
            connection.sendall(request)
        for _ in range(MOST_AT_ONCE):
            assert board.busy.acquire(timeout=30)
        assert raw(endpoint, b"").startswith(b"HTTP/1.0 503 ")
        board.open.set()
    until(lambda: ask(endpoint, "GET", "/pictures/one.png").status == 200)


def until(check: object) -> None:
    """Wait until a check holds."""
    assert callable(check)
    for _ in range(600):
        if check():
            return
        time.sleep(0.05)
    pytest.fail("it never held")
