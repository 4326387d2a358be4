"""Of two presets that measure one thing the better one is published; while it is silent, the other one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from producers.bridge.state import HOLD_SECONDS
from tests.bridge.otlp import BEGIN, MIB, POD, Attributes, Point, kubelet, message
from tests.bridge.support import Bridge, snapshots

TARGET: Attributes = {
    "service.name": "kubelet",
    "service.instance.id": "10.0.0.5:10250",
    "k8s.node.name": "a",
}
NAMES: Attributes = {"namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z", "container": "cart"}
STEP = 60.0

Resource = tuple[Attributes, list[Point]]
Source = Callable[[float], Resource]


def stats(time: float) -> Resource:
    return kubelet(time, 100 * MIB, POD)


def cadvisor(time: float) -> Resource:
    return TARGET, [Point("container_memory_rss", 99.0 * MIB, time, NAMES)]


def resident(time: float) -> Resource:
    return {**TARGET, **POD}, [Point("process_resident_memory_bytes", 90.0 * MIB, time)]


def library(time: float) -> Resource:
    own: Attributes = {**POD, "service.name": "cart", "service.instance.id": "1"}
    return own, [Point("process.memory.usage", 80 * MIB, time)]


def host(time: float) -> Resource:
    return {"host.name": "a"}, [Point("system.memory.usage", 1, time, {"state": "used"})]


def node(time: float) -> Resource:
    return {"k8s.node.name": "a"}, [Point("k8s.node.memory.working_set", 1, time)]


def exporter(time: float) -> Resource:
    return TARGET, [Point("node_memory_MemAvailable_bytes", 1.0, time)]


@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (stats, cadvisor),
        (stats, library),
        (cadvisor, resident),
        (cadvisor, library),
        (resident, library),
        (host, node),
        (host, exporter),
        (node, exporter),
    ],
)
def test_only_the_better_one_is_published(better: Source, worse: Source, flip: int) -> None:
    alone, both = Bridge(), Bridge()
    for number in range(5):
        time = BEGIN + number * STEP
        alone.send(message(better(time)))
        both.send(*[message(better(time)), message(worse(time + 1))][::flip])
    assert both.end() == alone.end()
    assert len(alone.snapshots) == 5
    assert both.left == {"second-source": 5}


@pytest.mark.parametrize("alone", [stats, cadvisor, resident, library, host, node, exporter])
def test_each_is_published_alone(alone: Source) -> None:
    assert len(snapshots(message(alone(BEGIN)))) == 1


def times(every: Iterable[float], source: Source) -> list[bytes]:
    return [message(source(time)) for time in every]


def test_the_other_one_is_published_again_when_the_better_one_was_silent_for_long() -> None:
    bridge = Bridge()
    bridge.send(*times([BEGIN], stats))
    late = [BEGIN + 1, BEGIN + HOLD_SECONDS, BEGIN + HOLD_SECONDS + 1, BEGIN + HOLD_SECONDS + STEP]
    bridge.send(*times(late, cadvisor))
    bridge.send(*times([late[-1] + STEP], stats), *times([late[-1] + STEP + 1], cadvisor))
    made = [(one.timestamp, one.anon) for one in bridge.end()]
    assert made == [
        (BEGIN, 100 * MIB),
        (late[2], 99 * MIB),
        (late[3], 99 * MIB),
        (late[-1] + STEP, 100 * MIB),
    ]
    assert bridge.left == {"second-source": 3}
