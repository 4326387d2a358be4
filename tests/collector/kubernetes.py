"""Two pods on a node, one with two containers: what a small kubelet and a small API server say of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.collector.host import container_id
from tests.collector.serving import Answer, serving

_MIB = 2**20
_STARTED = "2026-11-20T08:00:12Z"


class _Pod(NamedTuple):
    name: str
    uid: str
    containers: dict[str, int]
    """The memory limit of each [MiB], 0 for none."""
    owner: dict[str, Any]


PODS = (
    _Pod(
        "orders-6d5f7c9b8d-x2x7k", "7f0c5a52-5a0e-4c6e-9a4d-0d8f0c1f4e11", {"orders": 512, "proxy": 0},
        {"kind": "ReplicaSet", "name": "orders-6d5f7c9b8d", "uid": "a1d0", "controller": True},
    ),
    _Pod(
        "checkout-0", "3b1b7d90-9a35-4a6f-8f7b-6a2f5f0f9c22", {"checkout": 256},
        {"kind": "StatefulSet", "name": "checkout", "uid": "b2e1", "controller": True},
    ),
)  # fmt: skip


@contextmanager
def kubelet(node: str) -> Iterator[int]:
    """Run the kubelet of a node. Its containers use one MiB more each time it is asked; yield its port."""
    times = itertools.count()

    def answer(path: str) -> Answer | None:
        documents = {"/stats/summary": lambda: _summary(node, next(times)), "/pods": lambda: _pods(node)}
        document = documents.get(urlsplit(path).path.rstrip("/"))
        return Answer(json.dumps(document()).encode()) if document else None

    with serving(answer) as port:
        yield port


@contextmanager
def api_server(node: str) -> Iterator[int]:
    """Run an API server that knows the pods, and has no news; yield its port."""
    kind = {"Content-Type": "application/json"}

    def answer(path: str) -> Answer | None:
        url = urlsplit(path)
        asked = parse_qs(url.query)
        # A list as a stream is not known here: the client then lists, and watches.
        if "sendInitialEvents" in asked:
            return None
        if "watch" in asked:
            return Answer(b"", kind, held=True)
        return Answer(json.dumps(_pods(node)).encode(), kind) if url.path == "/api/v1/pods" else None

    with serving(answer) as port:
        yield port


def _memory(used: int, available: int | None = None) -> dict[str, Any]:
    """Return the memory of a thing that uses some [MiB]; available is there where there is a limit."""
    memory = {
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "usageBytes": (used + 20) * _MIB, "workingSetBytes": (used + 8) * _MIB, "rssBytes": used * _MIB,
        "pageFaults": 17_820, "majorPageFaults": 3,
    }  # fmt: skip
    return memory if available is None else memory | {"availableBytes": available * _MIB}


def _summary(node: str, times: int) -> dict[str, Any]:
    used = 100 + times
    return {
        "node": {"nodeName": node, "startTime": "2026-11-01T06:00:00Z", "memory": _memory(3000 + used, 5000)},
        "pods": [
            {
                "podRef": {"name": pod.name, "namespace": "shop", "uid": pod.uid},
                "startTime": "2026-11-20T08:00:09Z",
                "containers": [
                    {"name": name, "startTime": _STARTED,
                     "memory": _memory(used, limit - used - 8 if limit else None)}
                    for name, limit in pod.containers.items()
                ],
                "memory": _memory(used * len(pod.containers)),
            }
            for pod in PODS
        ],
    }  # fmt: skip


def _pods(node: str) -> dict[str, Any]:
    return {
        "kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"},
        "items": [
            {
                "metadata": {
                    "name": pod.name, "namespace": "shop", "uid": pod.uid,
                    "ownerReferences": [{"apiVersion": "apps/v1", **pod.owner}],
                },
                "spec": {"nodeName": node, "containers": [
                    {"name": name, "image": f"shop/{name}:1.4",
                     "resources": {"limits": {"memory": f"{limit}Mi"}} if limit else {}}
                    for name, limit in pod.containers.items()
                ]},
                "status": {"phase": "Running", "containerStatuses": [
                    {"name": name, "containerID": f"containerd://{container_id(name)}", "restartCount": 0,
                     "image": f"docker.io/shop/{name}:1.4"}
                    for name in pod.containers
                ]},
            }
            for pod in PODS
        ],
    }  # fmt: skip
