"""What the Collector adds to points, such as command lines, stays out of what is published."""

from __future__ import annotations

import pytest

from fleetleak.stream import Record
from producers.bridge.decode import Decode
from tests.bridge.otlp import BEGIN, MIB, WITH_ATTRIBUTES, Attributes, Point, cluster, kubelet, message
from tests.bridge.support import READINGS, SPELLINGS, WAIT, assembler

SECRET = "hunter2"
# None of these names anything, and people put passwords into all of them.
SECRETS: Attributes = dict.fromkeys(
    (
        "process.command_line",
        "process.command",
        "process.command_args",
        "process.executable.path",
        "process.owner",
        "process.environment_variable.DB_PASSWORD",
        "container.command_line",
        "container.command",
        "container.command_args",
        "container.label.token",
        "env.DB_PASSWORD",
        "DB_PASSWORD",
        "k8s.pod.annotations.vault.hashicorp.com/token",
        "k8s.pod.annotation.kubectl.kubernetes.io/last-applied-configuration",
        "k8s.pod.labels.token",
        "k8s.namespace.annotations.resource.opentelemetry.io/service.name",
        "k8s.pod.ip",
        "service.secret",
        "",
    ),
    SECRET,
)


def everything(extra: Attributes) -> list[bytes]:
    """Return messages for every kind of preset, with further attributes at each resource and point."""
    made = []
    for time in (BEGIN, BEGIN + 2 * WAIT):
        resources: list[tuple[Attributes, list[Point]]] = [
            kubelet(time, MIB, WITH_ATTRIBUTES),
            cluster(time, 5 * MIB, reason="OOMKilled"),
            ({"k8s.node.name": "node-a"}, [Point("k8s.node.memory.working_set", 5, time)]),
            ({"container.name": "cart", "host.name": "h"}, [Point("container.memory.usage.total", 5, time)]),
            ({"host.name": "h"}, [Point("system.memory.usage", 5, time, {"state": "used"})]),
            (
                {"host.name": "h", "process.pid": 1, "process.executable.name": "cart"},
                [Point("process.memory.usage", 2**30, time)],
            ),
            (
                {"service.name": "kubelet", "service.instance.id": "10.0.0.5:10250"},
                [Point("container_memory_rss", 5, time, {"pod": "p", "container": "c", "namespace": "n"})],
            ),
        ]
        made.append(message(*(_with(extra, *one) for one in resources)))
    return made


def _with(extra: Attributes, own: Attributes, points: list[Point]) -> tuple[Attributes, list[Point]]:
    return {**extra, **own}, [one._replace(attributes={**extra, **one.attributes}) for one in points]


def published(messages: list[bytes]) -> list[tuple[bytes, bytes | None]]:
    """Return the keys and values of all records that the two roles publish, and what they keep."""
    first, second = Decode("otlp", READINGS), assembler()
    outputs = first.apply([Record(0, 0, b"", value, BEGIN, BEGIN) for value in messages]).outputs
    readings = [Record(0, 0, one.key, one.value, BEGIN + 99, BEGIN + 99) for one in outputs]
    applied = second.apply(readings)
    assert not applied.rejected
    kept = [second.dump([key])[0] for key in applied.changed or ()]
    return [(one.key, one.value) for one in (*outputs, *applied.outputs)] + [(b"", one) for one in kept]


@pytest.mark.parametrize("spelled", [bytes, *SPELLINGS])
def test_no_attribute_that_is_not_listed_is_published(spelled: type[bytes]) -> None:
    made = published([spelled(one) for one in everything(SECRETS)])
    assert made == published(everything({})), "nothing else is different either"
    assert SECRET not in str(made)
    assert sum(b'"snapshot/1"' in (value or b"") for _, value in made) == 6
