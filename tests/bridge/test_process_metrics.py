"""Processes, as `host_metrics` and OpenTelemetry's libraries in them measure them."""

from __future__ import annotations

import pytest

from fleetleak.records import Snapshot
from tests.bridge.otlp import BEGIN, MIB, POD, Attributes, Point, cluster, message
from tests.bridge.support import Bridge, column, decoded, snapshots

PROGRAM: Attributes = {
    "host.name": "h",
    "process.pid": 42,
    "process.parent_pid": 1,
    "process.executable.name": "cart server",
    "process.executable.path": "/opt/cart",
    "process.command_line": "/opt/cart --token=x",
}
SDK: Attributes = {
    "service.name": "cart",
    "service.namespace": "shop",
    "service.version": "1.4.2",
    "service.instance.id": "627cc493",
    "deployment.environment.name": "prod",
    "host.name": "h",
    "process.pid": 42,
}
START = BEGIN - 500


def points(time: float = BEGIN, start: float = START, seconds: float = 5.0) -> list[Point]:
    """Return memory, and the time of the processor by state."""
    return [
        Point("process.memory.usage", 80 * MIB, time, start=start, sum=True),
        Point("process.memory.virtual", 900 * MIB, time, start=start, sum=True),
        *(
            Point("process.cpu.time", seconds, time, {"state": state}, start, sum=True)
            for state in ("user", "system")
        ),
    ]


def test_a_process_is_named_by_its_program_and_its_number_on_the_host() -> None:
    assert snapshots(message((PROGRAM, points()))) == [
        Snapshot(
            service="process/cart_server",
            instance="process/h/42",
            timestamp=BEGIN,
            host="h",
            scope="process",
            started=START,
            labels={"pid": "42"},
            used=80 * MIB,
            cpu_seconds=10.0,
        )
    ]


def test_a_start_that_cannot_be_read_is_the_time_of_the_measurement_and_none() -> None:
    made = snapshots(*(message((PROGRAM, points(time, time))) for time in (BEGIN, BEGIN + 60)))
    assert column(made, "started") == [None, None]


def test_another_process_with_the_same_number_begins_a_run() -> None:
    parts = [points(), points(BEGIN + 60, BEGIN + 30, 0.5)]
    assert column(snapshots(*(message((PROGRAM, one)) for one in parts)), "started") == [START, BEGIN + 30]


def test_a_process_with_a_library_is_named_by_its_service() -> None:
    (made,) = snapshots(message((SDK, points())))
    assert (made.service, made.instance) == ("process/shop/cart", "process/cart/627cc493")
    assert (made.version, made.environment, made.host, made.scope) == ("1.4.2", "prod", "h", "process")


def test_without_an_id_of_its_own_host_and_number_are_its_instance() -> None:
    own = {
        name: value for name, value in SDK.items() if name not in ("service.instance.id", "service.namespace")
    }
    (made,) = snapshots(message((own, points())))
    assert (made.service, made.instance) == ("process/cart", "process/cart/h/42")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"service.name": "cart"},
        {"service.name": "cart", "host.name": "h"},
        {"process.executable.name": "cart", "process.pid": 42},
        {"process.pid": 42, "host.name": "h"},
    ],
)
def test_what_may_be_several_processes_is_left_out(attributes: Attributes) -> None:
    made = decoded(message((attributes, points()[:1])))
    assert (made.readings, made.left) == ([], {"nameless": 1})


def test_a_process_in_a_pod_is_named_by_its_container_and_apart_from_it() -> None:
    value = message(({**SDK, **POD, "k8s.node.name": "node-a"}, points()), cluster(BEGIN, 512 * MIB))
    (made,) = snapshots(value)
    assert (made.service, made.instance) == (
        "process/shop/cart/cart",
        "process/shop.cart-7d9f8c6b5-x2x4z.cart",
    )
    assert (made.host, made.limit, made.limit_used, made.total) == ("node-a", 512 * MIB, 80 * MIB, 512 * MIB)


def test_processes_of_one_host_are_apart() -> None:
    others: list[Attributes] = [{**PROGRAM, "process.pid": number} for number in (1, 2)]
    made = Bridge().send(message(*((one, points()) for one in others))).end()
    assert column(made, "instance") == ["process/h/1", "process/h/2"]
    assert set(column(made, "service")) == {"process/cart_server"}
