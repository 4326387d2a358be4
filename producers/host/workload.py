"""The workload of a cgroup, from its path: a container, a pod, a unit, a virtual machine, or none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from fleetleak.records.types import Scope
from producers.names import readable

CONTAINER = re.compile(r"(?:.*:)?(?:[a-z-]+[-:])?(?P<id>[0-9a-f]{64})(?:\.scope)?")
POD = re.compile(
    r"(?:.*-)?pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?"
)
UNIT = re.compile(r".+\.(?:service|scope)")
# What watches a container from outside; it has the container's name.
MONITOR = re.compile(r".*conmon.*[0-9a-f]{64}.*|lxc\.monitor(?:\..+)?")
LXC = re.compile(r"lxc\.payload\.(?P<name>.+)")
LXC_ABOVE = ("lxc", "lxc.payload")
# Of systemd-nspawn and libvirt.
MACHINE = re.compile(r"systemd-nspawn@(?P<service>.+)\.service|machine-(?P<scope>.+)\.scope")
# libvirt counts its starts: the number is not part of the name.
LIBVIRT = re.compile(r"(?P<driver>qemu|lxc)-\d+-(?P<name>.+)")
ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")

SHORT_ID = 12


class Workload(NamedTuple):
    """A container, pod, unit or virtual machine, as its cgroup path shows it.

    Parameters
    ----------
    name
        The unit, the uid of the pod, or the name of the container (its id where it has no name).
    pod
        The uid of the pod around a container.
    inside
        The containers around it, outer ones first: their names, or the first characters of their ids.
    containers
        Those of `inside` that are names, and its own name if it is a container with a name.
    id
        The id of a container that has no name.
    machine
        The name of a virtual machine.
    """

    scope: Scope
    name: str
    pod: str | None = None
    inside: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    id: str | None = None
    machine: str | None = None


class _System(NamedTuple):
    """A part of a path that is a container or a virtual machine; with `id` where it has no name."""

    place: int
    name: str
    id: str | None = None
    is_machine: bool = False


@lru_cache(maxsize=8192)
def classify(path: str) -> Workload | None:
    """Return the workload of a cgroup; None where it is not published on its own.

    Examples
    --------
    >>> classify("/system.slice/nginx.service").scope
    'unit'
    >>> classify("/lxc.payload.web1/system.slice/nginx.service").inside
    ('web1',)
    >>> classify("/user.slice/user-1000.slice/session-2.scope") is None
    True
    """
    *above, last = parts = readable(path).split("/")
    # Most groups of a deep tree are none of these; their own name alone shows it.
    if not (UNIT.fullmatch(last) or POD.fullmatch(last) or _system(parts, len(above))):
        return None
    around = _systems(parts)
    own = around.pop() if around and around[-1].place == len(above) else None
    if any(one.is_machine for one in around) or any(map(MONITOR.fullmatch, parts)):
        return None
    inside = tuple(one.name for one in around)
    containers = tuple(one.name for one in around if not one.id)
    if own:
        return _of_system(own, parts, inside, containers)
    if pod := POD.fullmatch(last):
        return Workload("pod", _uid(pod), None, inside, containers)
    within = above[around[-1].place + 1 :] if around else above
    return Workload("unit", last, None, inside, containers) if _is_unit(within, last) else None


def _of_system(
    own: _System, parts: Sequence[str], inside: tuple[str, ...], containers: tuple[str, ...]
) -> Workload:
    if own.is_machine:
        return Workload("unit", parts[-1], None, inside, containers, machine=own.name)
    pod = _pod_uid(parts)
    if own.id:
        return Workload("container", own.id, pod, inside, containers, id=own.id)
    return Workload("container", own.name, pod, inside, (*containers, own.name))


def _systems(parts: Sequence[str]) -> list[_System]:
    systems: list[_System] = []
    for place in range(len(parts)):
        # A container may be named lxc.
        is_named = bool(systems) and systems[-1].place == place - 1
        if one := _system(parts, place, is_named):
            systems.append(one)
    return systems


def _system(parts: Sequence[str], place: int, above_is_named: bool = False) -> _System | None:
    part = parts[place]
    if container := CONTAINER.fullmatch(part):
        return _System(place, container["id"][:SHORT_ID], container["id"])
    if place and parts[place - 1] in LXC_ABOVE and not above_is_named:
        return _System(place, part)
    if lxc := LXC.fullmatch(part):
        return _System(place, lxc["name"])
    if machine := MACHINE.fullmatch(part):
        name = unescape(machine["service"] or machine["scope"])
        if libvirt := LIBVIRT.fullmatch(name):
            return _System(place, libvirt["name"], is_machine=libvirt["driver"] == "qemu")
        return _System(place, name)
    return None


def _pod_uid(parts: Sequence[str]) -> str | None:
    # A pod and its container may be one part: `kubepods-pod<uid>.slice:cri-containerd:<id>`.
    pods = [match for part in parts if (match := POD.fullmatch(part.partition(":")[0]))]
    return _uid(pods[-1]) if pods else None


def _uid(pod: re.Match[str]) -> str:
    return pod["uid"].replace("_", "-")


def _is_unit(within: Sequence[str], last: str) -> bool:
    """Return whether a part is a unit to publish, from the path to it within its system."""
    # Login sessions come and go under user.slice: their processes are published one by one.
    return "user.slice" not in within and (last.endswith(".service") or "system.slice" in within)


def unescape(name: str) -> str:
    r"""Return a name without systemd's escapes of bytes.

    Examples
    --------
    >>> unescape(r"my\x2dapp")
    'my-app'
    """
    if "\\x" not in name:
        return name
    unescaped = ESCAPED.sub(lambda byte: bytes.fromhex(byte[1].decode()), name.encode())
    return unescaped.decode("utf-8", "backslashreplace")
