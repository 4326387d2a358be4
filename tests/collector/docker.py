"""A small Docker: the answers of its API for two containers of a compose project, on cgroup v2."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.collector.host import PROCESSES, container_id
from tests.collector.serving import Answer, serving

_MIB = 2**20
_HEADERS = {"Api-Version": "1.47", "Ostype": "linux", "Content-Type": "application/json"}
_HOST_MIB = 8192
_LIMITS_MIB = {"orders": 512, "checkout": 0}
"""The limit of each container, 0 for none."""


@contextmanager
def docker() -> Iterator[int]:
    """Run the API. The containers use one MiB more each time it is asked; yield its port."""
    times = itertools.count()

    def answer(path: str) -> Answer | None:
        path = re.sub(r"^/v[0-9.]+|\?.*", "", path)
        if path == "/_ping":
            return Answer(b"OK", _HEADERS)
        if path == "/events":
            return Answer(b"", _HEADERS, held=True)
        document = _document(path, times)
        return None if document is None else Answer(json.dumps(document).encode(), _HEADERS)

    with serving(answer) as port:
        yield port


def _document(path: str, times: Iterator[int]) -> Any:
    if path == "/containers/json":
        return [_listed(name) for name in PROCESSES]
    for name in PROCESSES:
        if path == f"/containers/{container_id(name)}/json":
            return _inspected(name)
        if path == f"/containers/{container_id(name)}/stats":
            return _statistics(name, next(times))
    return None


def _labels(name: str) -> dict[str, str]:
    return {"com.docker.compose.project": "shop", "com.docker.compose.service": name}


def _listed(name: str) -> dict[str, Any]:
    return {
        "Id": container_id(name), "Names": [f"/shop-{name}-1"], "Image": f"shop/{name}:1.4",
        "Created": 1795161600, "ImageID": f"sha256:{container_id('image')}", "Labels": _labels(name),
        "State": "running", "Status": "Up 2 days",
    }  # fmt: skip


def _inspected(name: str) -> dict[str, Any]:
    return {
        "Id": container_id(name), "Name": f"/shop-{name}-1", "Created": "2026-11-20T08:00:00.320048025Z",
        "Path": name, "Args": [], "Image": f"sha256:{container_id('image')}", "RestartCount": 2,
        "State": {
            "Status": "running", "Running": True, "Paused": False, "Restarting": False, "OOMKilled": False,
            "Dead": False, "Pid": 4003, "ExitCode": 0, "Error": "",
            "StartedAt": "2026-11-20T08:00:12.758576058Z", "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "HostConfig": {"Memory": _LIMITS_MIB[name] * _MIB, "NanoCpus": 0, "CpuShares": 0, "Runtime": "runc"},
        "Config": {
            "Hostname": container_id(name)[:12], "Image": f"shop/{name}:1.4", "Cmd": [name], "Env": [],
            "Labels": _labels(name),
        },
    }  # fmt: skip


def _statistics(name: str, times: int) -> dict[str, Any]:
    anon, file, inactive_file = (100 + times) * _MIB, 24 * _MIB, 16 * _MIB
    return {
        "id": container_id(name), "name": f"/shop-{name}-1", "num_procs": 0, "storage_stats": {},
        "read": "2026-11-22T08:00:00.719828114Z", "preread": "0001-01-01T00:00:00Z",
        "pids_stats": {"current": 4, "limit": 4694}, "blkio_stats": {}, "networks": {},
        "cpu_stats": {
            "cpu_usage": {
                "total_usage": 999_478_000, "usage_in_kernelmode": 970_974_000,
                "usage_in_usermode": 28_503_000,
            },
            "system_cpu_usage": 4_836_970_000_000, "online_cpus": 2,
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
        },
        "precpu_stats": {
            "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
        },
        "memory_stats": {
            "usage": anon + file + 2 * _MIB, "limit": (_LIMITS_MIB[name] or _HOST_MIB) * _MIB,
            "stats": {
                "anon": anon, "anon_thp": 0, "file": file, "file_dirty": 0, "file_mapped": 8 * _MIB,
                "file_writeback": 0, "active_anon": 4096, "inactive_anon": anon - 4096,
                "active_file": file - inactive_file, "inactive_file": inactive_file, "kernel_stack": 16_384,
                "pgfault": 9458, "pgmajfault": 4, "shmem": 0, "slab": 662_184, "slab_reclaimable": 592_024,
                "slab_unreclaimable": 70_160, "sock": 0, "unevictable": 0,
            },
        },
    }  # fmt: skip
