"""The health server, over real HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import NamedTuple

import pytest

from fleetleak.observe import metrics
from fleetleak.observe.health import HealthServer


class Answer(NamedTuple):
    status: int
    kind: str
    body: str


def ask(server: HealthServer, path: str, method: str = "GET") -> Answer:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return Answer(response.status, response.getheader("Content-Type", ""), response.read().decode())


@pytest.fixture(scope="module")
def server() -> Iterator[HealthServer]:
    with HealthServer("127.0.0.1", 0) as running:
        yield running


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_well_is_200(server: HealthServer, path: str) -> None:
    assert ask(server, path) == Answer(200, "text/plain", "ok\n")


def test_what_is_wrong_is_told_and_asked_for_anew() -> None:
    wrong: list[str | None] = ["partitions [3] are being restored", None]
    with HealthServer("127.0.0.1", 0, ready=lambda: wrong[0]) as server:
        assert ask(server, "/readyz") == Answer(503, "text/plain", "partitions [3] are being restored\n")
        assert ask(server, "/healthz").status == 200
        wrong.pop(0)
        assert ask(server, "/readyz").status == 200


def test_health_is_apart_from_readiness() -> None:
    with HealthServer("127.0.0.1", 0, healthy=lambda: "stuck") as server:
        assert ask(server, "/healthz") == Answer(503, "text/plain", "stuck\n")
        assert ask(server, "/readyz").status == 200


def test_a_check_that_fails_is_not_well() -> None:
    def broken() -> str | None:
        raise RuntimeError("dictionary changed\udcff")

    with HealthServer("127.0.0.1", 0, ready=broken) as server:
        told = "the check failed: RuntimeError: dictionary changed\\udcff\n"
        assert ask(server, "/readyz") == Answer(503, "text/plain", told)
        assert ask(server, "/healthz").status == 200


def test_metrics_are_served_with_their_help(server: HealthServer) -> None:
    metrics.TICKS.inc(0)
    answer = ask(server, "/metrics")
    assert answer.status == 200
    assert answer.kind.startswith("text/plain; version=")
    assert "# HELP fleetleak_producer_ticks_total Samplings of the host." in answer.body
    assert "\nfleetleak_producer_ticks_total " in answer.body
    assert "process_resident_memory_bytes" in answer.body


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz/x", "/../etc/passwd"])
def test_other_places_are_404_and_say_what_there_is(server: HealthServer, path: str) -> None:
    answer = ask(server, path)
    assert answer.status == 404
    assert answer.body == "see /metrics, /healthz, /readyz\n"


def test_it_only_answers_and_takes_nothing(server: HealthServer) -> None:
    assert ask(server, "/healthz", "POST").status == 501
    assert ask(server, "/healthz", "DELETE").status == 501


def test_a_peer_that_says_nothing_holds_up_nobody(server: HealthServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert ask(server, "/healthz").status == 200


def test_its_port_is_free_again_when_it_is_closed() -> None:
    with HealthServer("127.0.0.1", 0) as first:
        port = first.port
    with HealthServer("127.0.0.1", port) as second:
        assert ask(second, "/healthz").status == 200


def test_a_port_in_use_is_refused(server: HealthServer) -> None:
    with pytest.raises(OSError, match="in use"):
        HealthServer("127.0.0.1", server.port)


def test_what_it_does_while_it_is_ready_is_told() -> None:
    with HealthServer("127.0.0.1", 0, note=lambda: "stand-by") as server:
        assert ask(server, "/readyz") == Answer(200, "text/plain", "stand-by\n")
        assert ask(server, "/healthz") == Answer(200, "text/plain", "ok\n")


def test_a_role_serves_its_own_metrics_only() -> None:
    with HealthServer("127.0.0.1", 0, families=["producer"]) as server:
        body = ask(server, "/metrics").body
    assert "\nfleetleak_producer_ticks_total " in body
    assert "fleetleak_runtime_" not in body
    assert "process_resident_memory_bytes" in body
