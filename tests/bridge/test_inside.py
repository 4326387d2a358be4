"""A host is told what is inside it: that growth is not its own."""

from __future__ import annotations

import pytest

from fleetleak.records import Reading
from fleetleak.records.memory import growable
from tests.bridge.otlp import BEGIN, MIB, WITH_ATTRIBUTES, Point, kubelet, message
from tests.bridge.readings import CART, NODE, measured, on_node
from tests.bridge.support import Bridge, column

STEP = 60.0


def inside(time: float, part: str, held: float) -> Reading:
    """Return what a host is told of one instance."""
    return Reading(thing=NODE, part=part, says="inside", preset="inside", time=time, fields={"held": held})


def test_the_memory_inside_a_host_grows_with_it_and_is_not_its_own_growth() -> None:
    bridge = Bridge()
    for number in range(10):
        time, leaked = BEGIN + STEP * number, 50 * MIB * number
        bridge.tell(
            measured(time, anon=100 * MIB + leaked, limit=2**40), on_node(time, 900 * MIB + leaked, 100 * MIB)
        )
    made = bridge.end()
    hosts = [one for one in made if one.scope == "host"]
    # The last ones of both close by time, and then the host's is first.
    assert column(hosts[:-1], "attributed") == [(100 + 50 * number) * MIB for number in range(9)]
    assert {growable(one) for one in hosts[:-1]} == {800 * MIB}


def test_all_instances_inside_a_host_are_summed() -> None:
    bridge = Bridge().tell(inside(BEGIN, "a", 5), inside(BEGIN, "b", 7), inside(BEGIN + 1, "a", 6))
    assert column(bridge.tell(on_node(BEGIN, 20)).end(), "attributed") == [13]


@pytest.mark.parametrize(("seconds", "attributed"), [(600, 5), (6 * 3600 + 1, None)])
def test_what_was_inside_is_not_when_it_is_told_no_more(seconds: float, attributed: int | None) -> None:
    bridge = Bridge().tell(inside(BEGIN, "a", 5), on_node(BEGIN + seconds, 20))
    assert column(bridge.end(), "attributed") == [attributed]


def test_a_host_is_not_published_while_it_is_not_known_what_is_inside() -> None:
    """After an absence of the role, that is told behind the readings that waited."""
    bridge = Bridge().tell(inside(BEGIN, "a", 5), on_node(BEGIN + 601, 20), on_node(BEGIN + 6 * 3600, 20))
    assert (bridge.end(), bridge.left) == ([], {"unattributed": 2})


def test_a_host_has_so_many_instances_inside_and_no_more() -> None:
    bridge = Bridge().tell(*(inside(BEGIN, f"c{number}", 1) for number in range(2100)))
    assert column(bridge.tell(on_node(BEGIN, 9000)).end(), "attributed") == [2000]


def test_what_is_told_anew_is_not_the_oldest() -> None:
    bridge = Bridge().tell(*(inside(BEGIN, f"c{number}", 1) for number in range(2000)))
    bridge.tell(inside(BEGIN, "c0", 100), inside(BEGIN, "new", 1), on_node(BEGIN, 9000))
    assert column(bridge.end(), "attributed") == [2099]


# When a host is told.


def told(*held: float, step: float = 10.0) -> list[float]:
    """Return when a host was told of a container with these amounts of memory, seconds after the first."""
    bridge = Bridge().tell(
        *(measured(BEGIN + step * number, anon=one, limit=2**40) for number, one in enumerate(held))
    )
    bridge.end()
    return [one.time - BEGIN for one in bridge.told]


def test_what_stays_is_told_every_two_minutes() -> None:
    assert told(*[100.0] * 26) == [0, 120, 240]


def test_what_changes_by_more_than_a_hundredth_is_told_at_once() -> None:
    assert told(1000, 1010, 1011, 1012, 1001, 1000) == [0, 20, 50]


def test_what_is_told_names_the_instance_and_its_memory() -> None:
    bridge = Bridge().tell(measured(BEGIN, anon=5, used=9, limit=10))
    bridge.end()
    assert bridge.told == [inside(BEGIN, CART, 5)]


def test_the_host_is_that_of_the_same_cluster() -> None:
    cluster = {"k8s.cluster.name": "east"}
    node = {"k8s.node.name": "node-a"}
    bridge = Bridge().send(message(kubelet(BEGIN, 5 * MIB, {**WITH_ATTRIBUTES, **cluster})))
    bridge.wait(300)
    for attributes in (node, {**node, **cluster}):
        bridge.send(message((attributes, [Point("k8s.node.memory.working_set", 9 * MIB)])), at=bridge.clock)
    hosts = {one.instance: one.attributed for one in bridge.end() if one.scope == "host"}
    assert hosts == {"node-a": None, "east/node-a": 5 * MIB}


def test_a_host_with_the_longest_name_is_told() -> None:
    name = {"k8s.node.name": "n" * 256}
    bridge = Bridge().send(message(kubelet(BEGIN, 5 * MIB, {**WITH_ATTRIBUTES, **name}))).wait(300)
    bridge.send(message((name, [Point("k8s.node.memory.working_set", 9 * MIB)])), at=bridge.clock)
    assert [one.attributed for one in bridge.end() if one.scope == "host"] == [5 * MIB]


def test_a_host_is_told_under_each_of_its_names() -> None:
    labels = {
        "namespace": "shop",
        "pod": "p",
        "container": "c",
        "node": "node-a",
        "instance": "10.0.0.5:10250",
    }
    one = Reading(
        thing="pod/shop/p",
        part="c",
        preset="cadvisor",
        time=BEGIN,
        fields={"anon": 5, "limit": 9},
        names=labels,
    )
    bridge = Bridge().tell(one)
    bridge.end()
    assert [reading.thing for reading in bridge.told] == ["host/node-a", "host/10.0.0.5"]


def test_a_host_and_an_instance_without_a_host_tell_nobody() -> None:
    alone = measured(BEGIN, anon=5, limit=9)
    del alone.names["node"]
    bridge = Bridge().tell(on_node(BEGIN, 5), alone)
    assert len(bridge.end()) == 2
    assert bridge.told == []


def test_a_host_is_not_told_of_what_cannot_be_judged_alone() -> None:
    """Without a limit, growth is seen as that of the host, or not at all."""
    bridge = Bridge().tell(measured(BEGIN, anon=5))
    assert (len(bridge.end()), bridge.told) == (1, [])


def test_a_host_of_a_backlog_is_left_out() -> None:
    bridge = Bridge().tell(on_node(BEGIN, 5), on_node(BEGIN + 60, 6), at=BEGIN + 3600)
    assert (bridge.end(), bridge.left) == ([], {"unattributed": 2})


def test_what_a_host_is_told_is_no_snapshot_of_it() -> None:
    bridge = Bridge().tell(*(inside(BEGIN + number, "a", 5) for number in range(3)))
    assert bridge.end() == []
