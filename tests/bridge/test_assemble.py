"""Readings of one instance and time become one snapshot: what waits, for how long, and what is too late."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from fleetleak.records import Reading, encode
from tests.bridge.otlp import BEGIN, MIB, kubelet, message
from tests.bridge.readings import CART, POD, in_docker, joined, measured, on_node
from tests.bridge.support import DAY, FUTURE, SILENT, WAIT, Bridge, column, snapshots

# One snapshot for each instance and time.


def test_points_in_several_messages_are_one_snapshot_in_any_order() -> None:
    attributes, points = kubelet(BEGIN, 100 * MIB)
    whole = snapshots(message((attributes, points)))
    parts = [message((attributes, points[first : first + 2])) for first in range(0, len(points), 2)]
    assert len(parts) == 4
    for every in permutations(parts):
        assert snapshots(*every) == whole


@pytest.mark.parametrize("order", [1, -1])
def test_times_in_any_order_within_the_wait_are_published_in_theirs(order: int) -> None:
    times = [BEGIN, BEGIN + 5, BEGIN + WAIT - 1]
    bridge = Bridge().tell(*(measured(time, anon=1) for time in times[::order]))
    assert column(bridge.end(), "timestamp") == times
    assert bridge.left == {}


def test_a_reading_that_repeats_values_is_counted_and_the_first_ones_stay() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1), measured(BEGIN, anon=2, used=3), measured(BEGIN, used=4))
    (made,) = bridge.end()
    assert (made.anon, made.used) == (1, 3)
    assert bridge.left == {"repeated": 2}


# What a moment waits for.


def test_a_moment_closes_when_its_thing_is_measured_later() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1), measured(BEGIN + WAIT - 0.5, anon=2))
    assert bridge.snapshots == []
    bridge.tell(measured(BEGIN + WAIT, anon=3))
    assert column(bridge.snapshots, "anon") == [1]


def test_another_container_of_the_same_pod_closes_it_when_its_own_source_is_silent() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1), measured(BEGIN + SILENT - 1, "proxy", anon=2))
    assert bridge.snapshots == []
    assert column(bridge.tell(measured(BEGIN + SILENT, "proxy", anon=2)).snapshots, "anon") == [1]


def test_a_time_of_something_else_does_not_close_it() -> None:
    """As that of a start: cAdvisor tells it with the time of the scrape, and memory with an earlier one."""
    bridge = Bridge().tell(measured(BEGIN + 20, started=5), measured(BEGIN, anon=1), measured(BEGIN, file=2))
    assert [(one.anon, one.file) for one in bridge.end()] == [(1, 2)]


def test_another_thing_does_not_close_it_nor_does_what_is_only_joined() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1), on_node(BEGIN + 200, 5), joined(BEGIN + 200, limit=5))
    assert bridge.snapshots == []


def test_without_a_wait_each_reading_is_published_at_once() -> None:
    bridge = Bridge(wait_seconds=0).tell(measured(BEGIN, anon=1), measured(BEGIN, used=1))
    assert column(bridge.snapshots, "anon") == [1]
    assert bridge.left == {"late": 1}


def test_time_closes_what_is_silent_and_a_day_later_it_is_forgotten() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1))
    assert bridge.wait(SILENT - 1).snapshots == []
    assert column(bridge.wait(1).snapshots, "anon") == [1]
    assert bridge.wait(DAY - SILENT - 1).state(POD) is not None
    assert bridge.wait(1).state(POD) is None
    assert len(bridge.snapshots) == 1


def test_a_reading_keeps_what_is_silent() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1)).wait(SILENT - 1)
    bridge.tell(measured(BEGIN + 1, anon=2), at=bridge.clock)
    assert bridge.wait(SILENT - 1).snapshots == []
    assert column(bridge.wait(1).snapshots, "anon") == [1, 2]


def test_what_is_only_told_of_is_forgotten_too() -> None:
    bridge = Bridge().tell(joined(BEGIN, limit=5)).wait(DAY - 1)
    assert bridge.state(POD) is not None
    assert bridge.wait(1).state(POD) is None


def test_what_was_forgotten_begins_anew() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1, started=BEGIN - 5)).wait(2 * DAY)
    bridge.tell(measured(bridge.clock, anon=1))
    assert column(bridge.end(), "started") == [BEGIN - 5, None]


# Times that cannot be taken.


@pytest.mark.parametrize("time", [BEGIN, BEGIN - 1000])
def test_what_comes_after_its_snapshot_is_counted_and_not_published(time: float) -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1), measured(BEGIN + WAIT, anon=2))
    bridge.tell(measured(time, used=5), at=bridge.clock)
    assert [(one.anon, one.used) for one in bridge.end()] == [(1, None), (2, None)]
    assert bridge.left == {"late": 1}


def test_a_clock_that_is_ahead_is_counted_and_closes_nothing() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=1))
    before = bridge.state(POD)
    bridge.tell(measured(BEGIN + FUTURE + 1, anon=2), at=BEGIN)
    assert (bridge.snapshots, bridge.left, bridge.state(POD)) == ([], {"future": 1}, before)
    bridge.tell(measured(BEGIN + FUTURE, anon=3), at=BEGIN)
    assert column(bridge.end(), "anon") == [1, 3]


def test_a_clock_that_is_ahead_is_nothing_to_begin_with() -> None:
    assert Bridge().tell(measured(BEGIN + FUTURE + 1, anon=2), at=BEGIN).state(POD) is None


# What a snapshot has of others.


def test_a_limit_that_changes_in_place_is_the_new_one() -> None:
    bridge = Bridge()
    for number in range(8):
        limit = 100 if number < 4 else 200
        bridge.tell(joined(BEGIN + 60 * number, limit=limit), measured(BEGIN + 60 * number, anon=1))
    limits = column(bridge.end(), "limit")
    assert (limits[:3], limits[4:]) == ([100] * 3, [200] * 4)


def test_an_older_limit_does_not_replace_a_newer_one() -> None:
    bridge = Bridge().tell(joined(BEGIN, limit=200), joined(BEGIN - 60, limit=100), measured(BEGIN, anon=1))
    assert column(bridge.end(), "limit") == [200]


def test_a_limit_that_is_told_no_more_holds_for_an_hour() -> None:
    bridge = Bridge().tell(joined(BEGIN, limit=100))
    bridge.tell(*(measured(BEGIN + seconds, anon=1) for seconds in range(0, 4201, 300)))
    assert column(bridge.end(), "limit") == [100] * 13 + [None] * 2


def test_values_of_another_time_complete_a_snapshot_and_make_none() -> None:
    bridge = Bridge().tell(in_docker(BEGIN, limit=9, cpu_seconds=5), in_docker(BEGIN + 1, anon=1))
    bridge.tell(in_docker(BEGIN + 2, limit=8))
    assert [(one.timestamp, one.limit, one.cpu_seconds) for one in bridge.end()] == [(BEGIN + 1, 9, 5.0)]


# What is no snapshot.


def test_a_reading_that_names_nothing_is_counted() -> None:
    bridge = Bridge().tell(msgspec.structs.replace(measured(BEGIN, anon=1), names={"pod": "cart"}))
    assert (bridge.end(), bridge.left) == ([], {"nameless": 1})


def test_values_that_contradict_each_other_are_left_out_and_counted() -> None:
    host = Reading(
        thing="host/h",
        preset="host_metrics",
        time=BEGIN,
        fields={"used": 5, "total": 9, "available": 10},
        names={"host_name": "h"},
    )
    bridge = Bridge().tell(host)
    (made,) = bridge.end()
    assert (made.total, made.available, made.used) == (9, None, None)
    assert bridge.left == {"impossible": 3}


def test_a_sum_that_no_record_may_hold_is_left_out() -> None:
    """A limit is what is left of it and what is used."""
    bridge = Bridge().tell(measured(BEGIN, working_set=2**60, left=2**60))
    assert column(bridge.end(), "limit") == [None]


def test_a_key_that_is_not_the_thing_is_rejected() -> None:
    bridge = Bridge()
    bridge.append(b"pod/shop/other", encode(measured(BEGIN, anon=1)), BEGIN)
    assert (bridge.rejected, bridge.end(), bridge.state("pod/shop/other")) == (["wrong-key"], [], None)


def test_a_preset_of_a_newer_version_is_rejected() -> None:
    bridge = Bridge().tell(msgspec.structs.replace(measured(BEGIN, anon=1), preset="next_year"))
    assert (bridge.rejected, bridge.end(), bridge.state(POD)) == (["newer-preset"], [], None)


def test_what_is_no_reading_is_rejected() -> None:
    bridge = Bridge()
    bridge.append(POD.encode(), b"{}", BEGIN)
    assert len(bridge.rejected) == 1


# Bounds.


def test_a_thing_has_so_many_parts_and_no_more() -> None:
    bridge = Bridge()
    for number in range(70):
        bridge.tell(measured(BEGIN, f"c{number}", anon=1), measured(BEGIN + 1, f"c{number}", anon=2))
    assert bridge.left == {"too-many": 12}
    assert len({one.instance for one in bridge.end()}) == 64


def test_so_many_moments_wait_and_no_more() -> None:
    bridge = Bridge(wait_seconds=3600).tell(*(measured(BEGIN + number, anon=1) for number in range(300)))
    assert column(bridge.snapshots, "timestamp", CART) == [BEGIN + number for number in range(44)]
    assert bridge.left == {"too-many": 44}
    assert len(bridge.end()) == 300


def test_what_is_kept_does_not_grow_with_time() -> None:
    bridge, sizes = Bridge(), []
    for number in range(200):
        time = BEGIN + 60 * number
        bridge.tell(joined(time, limit=5, restarts=number), measured(time, anon=1, cpu_seconds=number))
        sizes.append(len(bridge.state(POD) or b""))
    assert max(sizes[100:]) <= max(sizes[10:20]) + 20
