"""Series as exporters serve them, short enough to read, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, cycle

from fleetleak.records import Snapshot
from producers.prometheus.assemble import Assembler, Assumed, Readings
from producers.prometheus.matchers import parse
from producers.prometheus.preset import Preset
from producers.prometheus.presets import PRESETS
from producers.prometheus.series import Points, Window

MIB = 2**20
GIB = 2**30
STEP = 60.0
BEGIN = 1_700_000_040.0

Values = Sequence[float | None]
History = Mapping[str, Sequence[Points]]
"""Series by metric. Their steps are those of the whole history."""

PRESET = {preset.name: preset for preset in PRESETS}
POD = {"namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z", "container": "cart"}
KUBELET = {
    **POD,
    "id": "/kubepods/burstable/pod1/a",
    "image": "registry:5000/shop/cart:1.4.2",
    "instance": "10.0.0.5:10250",
    "job": "kubelet",
    "name": "a",
    "node": "node-a",
}
OTHER_POD = {**KUBELET, "pod": "cart-7d9f8c6b5-q7k2m", "id": "/kubepods/other"}
REPLICAS = [{**KUBELET, "prometheus_replica": f"prometheus-{number}"} for number in (0, 1)]
STATE = {**POD, "instance": "10.0.0.9:8080", "job": "kube-state-metrics"}
NODE = {"instance": "10.0.0.5:9100", "job": "node"}
INSTANCE = "shop.cart-7d9f8c6b5-x2x4z.cart"

MEMORY = "container_memory_working_set_bytes"
RSS = "container_memory_rss"
LIMIT = "container_spec_memory_limit_bytes"
KUBE_LIMIT = "kube_pod_container_resource_limits"
STARTED = "container_start_time_seconds"
CPU = "container_cpu_usage_seconds_total"
KILLS = "container_oom_events_total"
RESTARTS = "kube_pod_container_status_restarts_total"
REASON = "kube_pod_container_status_last_terminated_reason"
MACHINE = "machine_memory_bytes"
AVAILABLE = "node_memory_MemAvailable_bytes"
TOTAL = "node_memory_MemTotal_bytes"


def series(labels: Mapping[str, str], values: Values, first: int = 0) -> Points:
    """Return values from step `first` on as one series; None is a step without a point."""
    known = [(number, value) for number, value in enumerate(values, first) if value is not None]
    return Points(dict(labels), [number for number, _ in known], [value for _, value in known])


def memory(values: Values, labels: dict[str, str] = KUBELET) -> dict[str, Sequence[Points]]:
    """Return a history in which one container has memory and nothing else."""
    return {MEMORY: [series(labels, values)]}


def steps_of(history: History) -> int:
    """Return how many steps a history has."""
    return 1 + max(one.at[-1] for every in history.values() for one in every if one.at)


def windows(steps: int, sizes: Sequence[int] = (), step: float = STEP) -> Iterator[tuple[int, Window]]:
    """Yield windows that cover a history, and the first step of each.

    The `sizes`, in steps, are repeated. Without any, one window has all.
    """
    first = 0
    for end in accumulate(chain(cycle(sizes)) if sizes else iter((steps,))):
        yield first, Window(BEGIN + first * step, step, min(end, steps) - first)
        if end >= steps:
            return
        first = end


def readings(history: History, presets: Sequence[Preset], first: int, steps: int) -> Readings:
    """Return what a server answers for one window."""
    return {
        preset.name: [
            (source, [_part(one, first, steps) for one in _matching(history, source.metric, source.matchers)])
            for source in preset.sources
        ]
        for preset in presets
    }


def assembled(
    history: History, *names: str, sizes: Sequence[int] = (), step: float = STEP, by: Assembler | None = None
) -> list[Snapshot]:
    """Return the snapshots of a history, read in windows of `sizes`; no names: cAdvisor."""
    presets = [PRESET[name] for name in names or ("cadvisor",)]
    assembler = by or assembler_of(*names)
    return [
        snapshot
        for first, window in windows(steps_of(history), sizes, step)
        for snapshot in assembler.snapshots(window, readings(history, presets, first, window.steps))
    ]


def assembler_of(*names: str, assumed: Assumed | None = None) -> Assembler:
    """Return an assembler for the presets named (none: cAdvisor)."""
    return Assembler([PRESET[name] for name in names or ("cadvisor",)], assumed)


def column(snapshots: Sequence[Snapshot], field: str, instance: str = INSTANCE) -> list[object]:
    """Return one field of all snapshots of an instance."""
    return [getattr(one, field) for one in snapshots if one.instance == instance]


def left(assembler: Assembler) -> dict[str, int]:
    """Return how many things an assembler left out, by reason."""
    return {reason: one.count for reason, one in assembler.left.items()}


def _matching(history: History, metric: str, matchers: str) -> list[Points]:
    wanted = parse(matchers)
    return [one for one in history.get(metric, ()) if all(matcher.matches(one.labels) for matcher in wanted)]


def _part(points: Points, first: int, steps: int) -> Points:
    inside = [
        (number - first, value)
        for number, value in zip(points.at, points.values, strict=True)
        if first <= number < first + steps
    ]
    return Points(points.labels, [number for number, _ in inside], [value for _, value in inside])
