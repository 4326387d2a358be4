"""A small fleet as Prometheus sees it: what kubelet, kube-state-metrics and node_exporter serve.

Planted: two pods of `shop/cart/cart` leak until they are killed, again and again. All others are benign.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

STEP = 60
MIB = 2**20
LIMIT, NODE = 512 * MIB, 8192 * MIB
LEAK_PER_STEP = 0.18 * MIB
DAYS = 5.0
LATE_STEPS = 2
LEAKING = "shop/cart/cart"
SERVICES = {LEAKING, "shop/web/web", "shop/db/db", "batch/report/report", "host/node-a"}


class Sample(NamedTuple):
    """One sample: the metric, its labels, the time (unix seconds) and the value."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    time: int
    value: float

    def line(self) -> str:
        """Return it as OpenMetrics has it."""
        inside = ",".join(f'{name}="{value}"' for name, value in self.labels)
        return f"{self.metric}{{{inside}}} {self.value!r} {self.time}"


class Container(NamedTuple):
    """A container: `id` changes with each start, `limit` may be 0 for none."""

    namespace: str
    pod: str
    name: str
    image: str
    limit: float


CART = [
    Container("shop", f"cart-7d9f8c6b5-{end}", "cart", "registry/shop/cart:1.4.2", LIMIT)
    for end in ("x2x4z", "q7k2m")
]
WEB = Container("shop", "web-5f7b9d4c8-h4j6n", "web", "registry/shop/web:2.0", LIMIT)
DB = Container("shop", "db-0", "db", "registry/db@sha256:" + 64 * "a", 0)
REPORT = Container("batch", "report-kz4t8", "report", "report:latest", LIMIT)


def newest(begin: float) -> float:
    """Return the time of the newest samples."""
    return begin + DAYS * 86400 - STEP


def wobble(tick: int, seed: int) -> float:
    """Return noise from -.5 to .5 that is the same in every run."""
    return ((tick * 7919 + seed * 104729) % 101) / 100 - 0.5


class Life(NamedTuple):
    """A container at one tick: its memory, and which start of it this is and when it was."""

    memory: float
    starts: int
    started: int


def leaking(tick: int, begin: int, seed: int) -> Life:
    """Return a container that grows until it is killed at its limit."""
    first = 120 * MIB + seed * 10 * MIB
    lasts = int((LIMIT - first) / LEAK_PER_STEP)
    starts, age = divmod(tick + seed * 300, lasts)
    memory = first + age * LEAK_PER_STEP + wobble(tick, seed) * MIB
    return Life(memory, starts, begin + (tick - age) * STEP)


def steady(tick: int, begin: int, level: float, season: float, seed: int) -> Life:
    """Return a container that rises and falls with the day."""
    day = math.sin(2 * math.pi * tick * STEP / 86400)
    return Life(level * MIB + season * MIB * day + 2 * MIB * wobble(tick, seed), 0, begin - 3600)


def samples(begin: int, days: float = DAYS) -> Iterator[Sample]:
    """Yield all samples, in order of time."""
    for tick in range(int(days * 86400 / STEP)):
        time = begin + tick * STEP
        lives = {
            CART[0]: leaking(tick, begin, 1),
            CART[1]: leaking(tick, begin, 2),
            WEB: steady(tick, begin, 200, 40, 3),
            DB: steady(tick, begin, 300, 5, 4),
            REPORT: steady(tick, begin, 90, 20, 5),
        }
        for container, life in lives.items():
            yield from _of_container(container, life, time)
        yield from _of_node(sum(life.memory for life in lives.values()), tick, time)


def _of_container(container: Container, life: Life, time: int) -> Iterator[Sample]:
    pod = (("namespace", container.namespace), ("pod", container.pod))
    own = (
        ("container", container.name), ("id", f"/kubepods/{container.pod}/{life.starts:03d}"),
        ("image", container.image), ("instance", "10.0.0.5:10250"), ("job", "kubelet"),
        ("name", f"{container.pod}-{life.starts:03d}"), ("node", "node-a"), *pod,
    )  # fmt: skip
    state = (
        *pod,
        ("container", container.name),
        ("instance", "10.0.0.9:8080"),
        ("job", "kube-state-metrics"),
    )
    file = 8 * MIB
    values = {
        "container_memory_rss": life.memory,
        "container_memory_cache": file,
        "container_memory_usage_bytes": life.memory + file,
        "container_memory_working_set_bytes": life.memory + file / 2,
        "container_spec_memory_limit_bytes": container.limit,
        "container_start_time_seconds": life.started,
    }
    for metric, value in values.items():
        yield Sample(metric, own, time, float(round(value)))
    # kube-state-metrics hears of a restart from the API server, and is scraped on its own: it is late.
    starts = life.starts - (life.starts > 0 and time - life.started < LATE_STEPS * STEP)
    yield Sample("kube_pod_container_status_restarts_total", state, time, float(starts))
    if starts:
        killed = (*state, ("reason", "OOMKilled"))
        yield Sample("kube_pod_container_status_last_terminated_reason", killed, time, 1.0)
    owner = (
        ("ReplicaSet", container.pod.rpartition("-")[0])
        if container in (*CART, WEB)
        else ("StatefulSet", "db")
    )
    if container != REPORT:
        owned = (*pod, ("owner_kind", owner[0]), ("owner_name", owner[1]), ("instance", "10.0.0.9:8080"))
        yield Sample("kube_pod_owner", owned, time, 1.0)


def _of_node(used: float, tick: int, time: int) -> Iterator[Sample]:
    own = (("instance", "10.0.0.5:9100"), ("job", "node"))
    anon = used + 300 * MIB + 4 * MIB * wobble(tick, 6)
    file = 900 * MIB
    values = {
        "node_memory_MemTotal_bytes": NODE,
        "node_memory_MemAvailable_bytes": NODE - anon - 200 * MIB,
        "node_memory_MemFree_bytes": NODE - anon - file - 200 * MIB,
        "node_memory_AnonPages_bytes": anon,
        "node_memory_Cached_bytes": file,
        "node_memory_Buffers_bytes": 10 * MIB,
        "node_boot_time_seconds": 1.6e9,
        "node_vmstat_oom_kill": 0,
    }
    for metric, value in values.items():
        yield Sample(metric, own, time, float(round(value)))
    yield Sample("node_uname_info", (*own, ("nodename", "node-a")), time, 1.0)
    kubelet = (("instance", "10.0.0.5:10250"), ("job", "kubelet"), ("node", "node-a"))
    yield Sample("machine_memory_bytes", kubelet, time, float(NODE))
