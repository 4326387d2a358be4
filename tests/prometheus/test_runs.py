"""When the run of an instance began, and how often it was ended for its memory."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from itertools import pairwise

import pytest

from producers.prometheus.runs import Runs
from producers.prometheus.series import FORGET_SECONDS, Window
from tests.prometheus.support import (
    BEGIN,
    CPU,
    INSTANCE,
    KILLS,
    KUBELET,
    MEMORY,
    NODE,
    PRESET,
    REASON,
    REPLICAS,
    RESTARTS,
    STARTED,
    STATE,
    STEP,
    History,
    Values,
    assembled,
    assembler_of,
    column,
    memory,
    readings,
    series,
    windows,
)

HOUR = 3600.0
OOM_KILLED = {**STATE, "reason": "OOMKilled"}
OLD = {**KUBELET, "id": "/kubepods/old"}
NEW = {**KUBELET, "id": "/kubepods/new"}
CUTS = pytest.mark.parametrize("sizes", [(), (1,), (2,), (3, 1)])


def told(
    field: str, steps: int, others: History, sizes: Sequence[int] = (), step: float = STEP
) -> list[object]:
    """Return one field of a container that has memory all the time, with these other metrics."""
    history = {MEMORY: [series(KUBELET, [1.0] * steps)], **others}
    return column(assembled(history, sizes=sizes, step=step), field)


def after(*steps: int) -> list[float]:
    """Return the times of steps."""
    return [BEGIN + number * STEP for number in steps]


# When a run began.


@CUTS
def test_a_run_begins_when_the_exporter_says_so(sizes: Sequence[int]) -> None:
    every = {STARTED: [series(KUBELET, [50, 50, 60, 60])], RESTARTS: [series(STATE, [0, 1, 1, 2])]}
    assert told("started", 4, every, sizes) == [50, 50, 60, 60]


@CUTS
def test_the_start_stays_while_the_exporter_is_silent(sizes: Sequence[int]) -> None:
    every = {STARTED: [series(KUBELET, [50, None, None, 60])], CPU: [series(KUBELET, [5, 6, 1, 2])]}
    assert told("started", 4, every, sizes) == [50, 50, 50, 60]


@CUTS
def test_without_a_start_a_run_begins_when_restarts_are_counted(sizes: Sequence[int]) -> None:
    every = {RESTARTS: [series(STATE, [3, 3, 4, 4, None, 6])]}
    assert told("started", 6, every, sizes) == [None, None, *after(2, 2, 2, 5)]


@CUTS
def test_without_a_start_a_run_begins_when_the_time_of_the_processor_falls(sizes: Sequence[int]) -> None:
    every = {CPU: [series(KUBELET, [8, 9, None, 1, 2, 0])]}
    assert told("started", 6, every, sizes) == [None, None, None, *after(3, 3, 5)]


def test_only_the_time_of_all_processors_counts() -> None:
    every = {
        CPU: [series({**KUBELET, "cpu": name}, [value, 1]) for name, value in (("total", 1), ("cpu00", 9))]
    }
    assert told("started", 2, every) == [None, None]
    assert told("cpu_seconds", 2, every) == [1, 1]


def test_a_counter_of_restarts_that_falls_is_no_restart() -> None:
    assert told("started", 3, {RESTARTS: [series(STATE, [5, 0, 0])]}) == [None] * 3


def test_nothing_that_is_not_told_is_known() -> None:
    assert told("started", 3, {}) == [None] * 3
    assert told("oom_kills", 3, {}) == [None] * 3
    assert told("oom_kills", 3, {REASON: [series(OOM_KILLED, [1, 1, 1])]}) == [None] * 3


# OOM kills.


@CUTS
def test_kills_are_counted_from_the_first_value_on(sizes: Sequence[int]) -> None:
    assert told("oom_kills", 5, {KILLS: [series(KUBELET, [7, 7, 8, None, 10])]}, sizes) == [0, 0, 1, 1, 3]


@CUTS
def test_a_kill_is_in_the_series_of_the_old_container_while_the_new_one_has_none(
    sizes: Sequence[int],
) -> None:
    every = {KILLS: [series(OLD, [0, 0, 1, 1]), series(NEW, [0, 0, 0, 0], first=2)]}
    assert told("oom_kills", 6, every, sizes) == [0, 0, 1, 1, 1, 1]


@CUTS
def test_each_container_of_an_instance_counts_its_own_kills(sizes: Sequence[int]) -> None:
    every = {KILLS: [series(OLD, [0, 1]), series(NEW, [0, 0, 1], first=2)]}
    assert told("oom_kills", 5, every, sizes) == [0, 1, 1, 1, 2]


@CUTS
def test_a_restart_with_its_reason_is_a_kill(sizes: Sequence[int]) -> None:
    every = {RESTARTS: [series(STATE, [3, 4, 4, 4])], REASON: [series(OOM_KILLED, [1, 1, 1], first=1)]}
    assert told("oom_kills", 4, every, sizes) == [0, 1, 1, 1]


@pytest.mark.parametrize("reason", ["Error", "Completed"])
def test_a_restart_with_another_reason_is_none(reason: str) -> None:
    every = {RESTARTS: [series(STATE, [3, 4])], REASON: [series({**STATE, "reason": reason}, [1, 1])]}
    assert told("oom_kills", 2, every) == [0, 0]


def test_a_restart_while_the_reason_is_no_more_true_is_none() -> None:
    every = {RESTARTS: [series(STATE, [3, 4])], REASON: [series(OOM_KILLED, [1, 0])]}
    assert told("oom_kills", 2, every) == [0, 0]


@CUTS
@pytest.mark.parametrize("later", [0, 1, 3])
def test_a_kill_that_both_counts_tell_is_one(later: int, sizes: Sequence[int]) -> None:
    every = {
        KILLS: [series(KUBELET, [0, 1, 1, 1, 1, 1])],
        RESTARTS: [series(STATE, [0.0] * (1 + later) + [1.0] * (5 - later))],
        REASON: [series(OOM_KILLED, [1.0] * (5 - later), first=1 + later)],
    }
    assert told("oom_kills", 6, every, sizes) == [0, 1, 1, 1, 1, 1]


@CUTS
def test_a_later_kill_that_only_one_count_tells_is_another(sizes: Sequence[int]) -> None:
    every = {
        KILLS: [series(KUBELET, [0, 1, 1])],
        RESTARTS: [series(STATE, [0, 1, 2])],
        REASON: [series(OOM_KILLED, [1, 1], first=1)],
    }
    assert told("oom_kills", 3, every, sizes, step=HOUR) == [0, 1, 2]


@CUTS
def test_two_servers_count_the_same_kills_once(sizes: Sequence[int]) -> None:
    every = {KILLS: [series(labels, [4, 4, 5, 5, 7]) for labels in REPLICAS]}
    assert told("oom_kills", 5, every, sizes) == [0, 0, 1, 1, 3]


def test_the_kills_of_a_host_are_counted() -> None:
    available = series(NODE, [1, 1, 1])
    history = {
        "node_memory_MemAvailable_bytes": [available],
        "node_vmstat_oom_kill": [series(NODE, [9, 9, 11])],
    }
    assert column(assembled(history, "node"), "oom_kills", "10.0.0.5") == [0, 0, 2]


@pytest.mark.parametrize("order", [1, -1])
def test_a_series_may_come_in_parts(order: int) -> None:
    parts = [series(KUBELET, [1, 2]), series(KUBELET, [3], first=2)]
    assert told("oom_kills", 3, {KILLS: parts[::order]}) == [0, 1, 2]


@CUTS
def test_a_kill_that_two_servers_see_one_after_the_other_is_one(sizes: Sequence[int]) -> None:
    """Of a pair of servers that scrape the same exporter, the second sees it one scrape later."""
    pair = [{**OLD, "prometheus_replica": replica} for replica in "ab"]
    every = {KILLS: [series(pair[0], [0, 1, 1, 2, 2]), series(pair[1], [0, 0, 1, 1, 2])]}
    assert told("oom_kills", 5, every, sizes) == [0, 1, 1, 2, 2]


@CUTS
def test_a_restart_that_two_servers_see_one_after_the_other_is_one(sizes: Sequence[int]) -> None:
    pair = [{**STATE, "prometheus_replica": replica} for replica in "ab"]
    every = {
        RESTARTS: [series(pair[0], [3, 4, 4]), series(pair[1], [3, 3, 4, 4], first=2)],
        REASON: [series(OOM_KILLED, [1] * 5, first=1)],
    }
    assert told("oom_kills", 6, every, sizes) == [0, 1, 1, 1, 1, 1]


@CUTS
def test_each_kill_of_a_loop_counts_although_they_are_minutes_apart(sizes: Sequence[int]) -> None:
    every = {RESTARTS: [series(STATE, [0, 1, 1, 2, 2, 3])], REASON: [series(OOM_KILLED, [1] * 5, first=1)]}
    assert told("oom_kills", 6, every, sizes) == [0, 1, 1, 2, 2, 3]


def test_restarts_that_begin_at_0_again_count_on() -> None:
    """A pod of a StatefulSet was deleted: the next one has the same name."""
    values = [5.0] * 2 + [0.0] * 20 + [1.0] * 2
    every = {RESTARTS: [series(STATE, values)], REASON: [series(OOM_KILLED, [1, 1], first=22)]}
    assert told("oom_kills", 24, every)[-2:] == [1, 1]


@pytest.mark.parametrize("value", [float("nan"), -1, 1e30])
def test_a_value_that_is_no_count_counts_nothing(value: float) -> None:
    assert told("oom_kills", 4, {KILLS: [series(KUBELET, [0, value, 1, 1])]}) == [0, 0, 1, 1]


# The counter itself.


def grown(values: Values, sizes: Sequence[int] = (), step: float = STEP) -> list[float]:
    """Return how much a counter grew at each of its steps."""
    runs = Runs()
    every = [0.0]
    for first, window in windows(len(values), sizes, step):
        part = series(KUBELET, values[first : first + window.steps])
        if part.at:
            every += [count for _, count in runs.killed("one", KILLS, [part], window)]
        runs.forget(window.end)
    return [later - earlier for earlier, later in pairwise(every)]


@CUTS
@pytest.mark.parametrize(
    ("values", "increases"),
    [
        ([5, 5, 6], [0, 0, 1]),
        ([5, 3, 4, 4], [0, 0, 1, 0]),  # begins anew: never negative
        ([0, None, 2], [0, 2]),
    ],
)
def test_a_counter_grows_by_what_it_is_above_its_last_value(
    values: Values, increases: list[float], sizes: Sequence[int]
) -> None:
    assert grown(values, sizes) == increases


# What is forgotten.


@CUTS
@pytest.mark.parametrize(("silent", "increases"), [(23, [0, 1]), (25, [0, 0])])
def test_a_counter_that_is_silent_for_a_day_begins_anew(
    silent: int, increases: list[float], sizes: Sequence[int]
) -> None:
    values = [1, *[None] * (silent - 1), 2]
    assert grown(values, sizes, step=HOUR) == increases


@CUTS
@pytest.mark.parametrize(("silent", "kills"), [(23, [0, 1, 2]), (25, [0, 1, None])])
def test_an_instance_that_is_silent_for_a_day_begins_anew(
    silent: int, kills: list[float | None], sizes: Sequence[int]
) -> None:
    gap = [None] * (silent - 1)
    counted = [2] if silent < 24 else [None]
    history = {
        MEMORY: [series(KUBELET, [1, 1, *gap, 1])],
        KILLS: [series(KUBELET, [0, 1, *gap, *counted])],
    }
    assert column(assembled(history, sizes=sizes, step=HOUR), "oom_kills") == kills


class Text(str):
    """A text that a test can see go."""


def test_labels_are_not_held_after_their_window() -> None:
    """They are large, and a fleet has many series in a month."""
    assembler, label = assembler_of(), Text("replica")
    gone = weakref.ref(label)
    every = {KILLS: [series({**KUBELET, "replica": label}, [1])], **memory([1.0])}
    del label
    list(assembler.snapshots(Window(BEGIN, STEP, 1), readings(every, [PRESET["cadvisor"]], 0, 1)))
    del every
    assert gone() is None


def test_an_instance_that_is_forgotten_is_held_no_more() -> None:
    runs, name = Runs(), Text(INSTANCE)
    gone = weakref.ref(name)
    runs.follow(name, 0.0, {})
    del name
    runs.forget(FORGET_SECONDS)
    assert gone() is not None
    runs.forget(FORGET_SECONDS + 1)
    assert gone() is None


def test_an_instance_that_is_forgotten_has_no_start() -> None:
    runs = Runs()
    fields: list[dict[str, float]] = [{"started": 5.0}, {}, {}]
    for time, one in zip((0.0, FORGET_SECONDS, 2 * FORGET_SECONDS + 1), fields, strict=True):
        runs.follow(INSTANCE, time, one)
        runs.forget(time)
    assert fields == [{"started": 5.0}, {"started": 5.0}, {}]
