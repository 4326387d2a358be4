"""A day of a fleet in a Collector's messages: the leak is alerted, by its names, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Iterator

from fleetleak_app.evaluation.product import alerts
from tests.bridge.otlp import BEGIN, MIB, WITH_ATTRIBUTES, Attributes, Point, kubelet, message
from tests.bridge.support import Bridge

STEP, DAY = 60.0, 86_400.0
SERVICES = ("cart", "checkout", "orders", "search", "stock")
LEAK_MIB_PER_HOUR = 20.0
NODE: Attributes = {"k8s.node.name": "node-a"}


def collections() -> Iterator[bytes]:
    """Yield what is collected of one node for two days: `cart` leaks, and the node has what its pods have."""
    chance = random.Random(5)
    for number in range(int(2 * DAY / STEP)):
        time, whole, resources = BEGIN + STEP * number, 0, []
        for service in SERVICES:
            leak = LEAK_MIB_PER_HOUR * STEP * number / 3600 if service == "cart" else 0.0
            rss = int((200 + leak + chance.gauss(0, 2)) * MIB)
            names = {"k8s.pod.name": f"{service}-7d9f8c6b5-x2x4z", "k8s.container.name": service}
            attributes: Attributes = {**WITH_ATTRIBUTES, **names, "k8s.deployment.name": service}
            resources.append(kubelet(time, rss, attributes, limit=2048 * MIB))
            whole += rss + 20 * MIB
        free = 16 * 1024 * MIB - whole
        points = [
            Point("k8s.node.memory.working_set", whole, time, start=BEGIN - DAY),
            Point("k8s.node.memory.available", free, time, start=BEGIN - DAY),
        ]
        yield message(*resources, (NODE, points))


def test_a_leak_is_alerted_by_its_names_and_nothing_else_is() -> None:
    made = Bridge().send(*collections()).end()
    hosts = [one for one in made if one.scope == "host"]
    assert len(made) - len(hosts) == len(SERVICES) * 2 * DAY / STEP
    found = alerts(sorted(made, key=lambda one: one.timestamp))
    assert {(one["service"], one["instance"]) for one in found} == {
        ("shop/cart/cart", "shop.cart-7d9f8c6b5-x2x4z.cart")
    }
    assert found[0]["state"] == "firing"
