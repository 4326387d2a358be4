"""Readings, short enough to read."""

from __future__ import annotations

from fleetleak.records import Reading

POD = "pod/shop/cart-7d9f8c6b5-x2x4z"
NODE = "host/node-a"
CART = "shop.cart-7d9f8c6b5-x2x4z.cart"


def measured(time: float, part: str = "cart", **fields: float) -> Reading:
    """Return what `kubelet_stats` measures of a container."""
    names = {"namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z", "container": part, "node": "node-a"}
    return Reading(thing=POD, part=part, preset="kubelet_stats", time=time, fields=fields, names=names)


def joined(time: float, **fields: float) -> Reading:
    """Return what `k8s_cluster` tells of that container."""
    return Reading(thing=POD, part="cart", says="joined", preset="kubelet_stats", time=time, fields=fields)


def on_node(time: float, working_set: float, available: float = 0.0) -> Reading:
    """Return what `kubelet_stats` measures of the node of that container."""
    return Reading(
        thing=NODE,
        preset="kubelet_stats_node",
        time=time,
        fields={"working_set": working_set, "available": available},
        names={"node": "node-a"},
    )


def in_docker(time: float, **fields: float) -> Reading:
    """Return what `docker_stats` measures of a container."""
    return Reading(
        thing="container/node-a/cart",
        preset="docker_stats",
        time=time,
        fields=fields,
        names={"name": "cart", "host_name": "node-a"},
    )
