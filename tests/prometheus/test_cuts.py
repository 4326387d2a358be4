"""Neither the windows that a history is read in nor the order of its series changes what comes of it."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from producers.prometheus.series import Points
from tests.prometheus.support import (
    AVAILABLE,
    CPU,
    KILLS,
    KUBE_LIMIT,
    KUBELET,
    LIMIT,
    MACHINE,
    MEMORY,
    NODE,
    REASON,
    RESTARTS,
    RSS,
    STARTED,
    STATE,
    TOTAL,
    History,
    assembled,
    assembler_of,
    left,
    series,
)
from tests.unit.strategies import REPEATABLE

STEPS = 12
NAMES = ("cadvisor", "node")
# Restarts, a pod that moves, two servers, two clusters, and another pod.
CONTAINERS = [
    KUBELET,
    {**KUBELET, "id": "/kubepods/b", "image": "cart:2"},
    {**KUBELET, "id": "/kubepods/c", "node": "node-b", "instance": "10.0.0.6:10250"},
    {**KUBELET, "prometheus_replica": "1"},
    {**KUBELET, "cluster": "east"},
    {**KUBELET, "pod": "db-0"},
]
STATES = [
    STATE,
    {**STATE, "instance": "10.0.0.8:8080"},
    {**STATE, "pod": "db-0"},
    {**STATE, "cluster": "east"},
]
HOSTS = [
    NODE,
    {**NODE, "node": "node-a"},
    {**NODE, "instance": "10.0.0.6:9100", "node": "node-b"},
    {**NODE, "cluster": "east"},
]
LABELS = {
    **dict.fromkeys((MEMORY, RSS, LIMIT, STARTED, CPU, KILLS), CONTAINERS),
    KUBE_LIMIT: [{**one, "resource": "memory"} for one in STATES],
    RESTARTS: STATES,
    REASON: [{**one, "reason": "OOMKilled"} for one in STATES],
    **dict.fromkeys((MACHINE, AVAILABLE, TOTAL, "node_vmstat_oom_kill"), HOSTS),
}
ABSENT: list[float | None] = [None, None, math.nan, -1.0]
VALUES = st.lists(st.sampled_from([*ABSENT, *map(float, range(8))]), min_size=STEPS, max_size=STEPS)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Return a history in which all kinds of series come and go."""
    history: dict[str, list[Points]] = {}
    for metric, every in LABELS.items():
        some = draw(
            st.lists(st.sampled_from(every), max_size=3, unique_by=lambda one: tuple(sorted(one.items())))
        )
        history[metric] = [series(labels, draw(VALUES)) for labels in some]
    # So that each history has memory.
    history[MEMORY] = [*history[MEMORY], series({**KUBELET, "pod": "web-0"}, [1.0] * STEPS)]
    return history


@REPEATABLE
@given(histories(), st.lists(st.integers(1, STEPS), min_size=1, max_size=4))
def test_windows_of_any_length_give_the_same(history: History, sizes: list[int]) -> None:
    whole, cut = assembler_of(*NAMES), assembler_of(*NAMES)
    assert assembled(history, *NAMES, by=cut, sizes=sizes) == assembled(history, *NAMES, by=whole)
    assert left(cut) == left(whole)


@REPEATABLE
@given(histories(), st.randoms(use_true_random=False))
def test_series_listed_in_any_order_give_the_same(history: History, chance: Random) -> None:
    shuffled = {metric: chance.sample(list(every), len(every)) for metric, every in history.items()}
    one, other = assembler_of(*NAMES), assembler_of(*NAMES)
    assert assembled(shuffled, *NAMES, by=other) == assembled(history, *NAMES, by=one)
    assert left(other) == left(one)
