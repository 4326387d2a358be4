"""What a fleet does to a bridge: restarts, texts that are no text, programs in containers, older versions."""

from __future__ import annotations

from fleetleak.stream import Key
from tests.bridge.otlp import BEGIN, MIB, WITH_ATTRIBUTES, Attributes, Point, kubelet, message
from tests.bridge.readings import POD, measured
from tests.bridge.support import WAIT, Bridge, assembler, column, decoded, snapshots

STEP = 30.0
RSS, KILLS = "container_memory_rss", "container_oom_events_total"
CART = {"namespace": "shop", "pod": "cart-0", "container": "cart"}


def cadvisor(time: float, run: str, rss: int, kills: int) -> list[Point]:
    """Return what cAdvisor tells of one run of a container, in MiB."""
    labels: Attributes = {**CART, "id": f"/kubepods/{run}", "name": run}
    return [Point(RSS, rss * MIB, time, labels), Point(KILLS, kills, time, labels)]


def test_around_a_restart_the_later_container_is_published_and_a_kill_counts_once() -> None:
    target: Attributes = {"service.name": "cadvisor", "service.instance.id": "10.0.0.5:8080"}
    messages = []
    for number, kills in enumerate((0, 0, 1, 1, 1, 1, 1)):
        time = BEGIN + STEP * number
        # The container that was killed is told for some scrapes more.
        points = cadvisor(time, "old", 500, kills) if number < 5 else []
        points += cadvisor(time, "new", 10 + number, 0) if number > 2 else []
        messages.append(message((target, points)))
    made = snapshots(*messages)
    assert [one.anon for one in made] == [500 * MIB] * 3 + [(10 + number) * MIB for number in range(3, 7)]
    assert column(made, "oom_kills") == [0, 0, 1, 1, 1, 1, 1]


def test_a_byte_that_is_no_text_costs_nothing_else() -> None:
    own: Attributes = {"k8s.node.name": "node-a", "process.command_line": "abcdef"}
    good = message((own, [Point("k8s.node.memory.working_set", 5)]))
    assert decoded(good.replace(b"abcdef", b"abc\xe9ef")) == decoded(good)
    assert len(decoded(good).readings) == 1
    (reading,) = decoded(good.replace(b"node-a", b"node-\xe9")).readings
    assert reading.thing == "host/node-\ufffd"


def test_a_program_in_a_pod_is_not_published_beside_its_container() -> None:
    pod = {name: value for name, value in WITH_ATTRIBUTES.items() if name != "k8s.container.name"}
    every = []
    for number in range(4):
        time = BEGIN + STEP * number
        programs = [
            (
                {**pod, "service.name": name, "service.instance.id": name},
                [Point("process.memory.usage", 2**26, time)],
            )
            for name in ("cart", "sidecar")
        ]
        every.append((message(kubelet(time, 50 * MIB)), message(*programs)))
    together = snapshots(*(one for pair in every for one in pair))
    assert {one.scope for one in together} == {"container"}
    alone = snapshots(*(programs for _, programs in every))
    assert {one.instance for one in alone} == {"process/cart/cart", "process/sidecar/sidecar"}
    assert len(alone) == 8


def test_a_state_and_a_field_of_a_newer_version_do_no_harm() -> None:
    role = assembler()
    bridge = Bridge().tell(measured(BEGIN, anon=1, in_a_newer_version=5))
    assert column(bridge.tell(measured(BEGIN + WAIT, anon=2)).snapshots, "anon") == [1]
    state = bridge.state(POD)
    assert state is not None
    # A name of the same length: the state is in MessagePack.
    role.load(Key(0, POD.encode()), state.replace(b"kubelet_stats", b"newer__preset"))
    later = Bridge(role=role).tell(measured(BEGIN + 2 * STEP, anon=3), measured(BEGIN + 4 * STEP, anon=4))
    assert (later.rejected, column(later.snapshots, "anon")) == ([], [3])
