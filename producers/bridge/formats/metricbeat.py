"""Events of Elastic's Metricbeat 7 and later, as its output `kafka` writes them: one JSON object each.

Of an event only the paths named here and in `USES` are decoded: command lines, environments and labels of
others never get beyond the parser.

Source: elastic/beats, `metricbeat/module/{kubernetes,docker,system}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from fleetleak.records import Unreadable
from producers import kubernetes
from producers.bridge.collect import Collect, Origin
from producers.bridge.formats.text import decoded, number, unix_seconds
from producers.bridge.index import USES, Use
from producers.bridge.names import ATTRIBUTES, OWNERS

_WHAT = "an event of Metricbeat"
_TIME = "@timestamp"
_OF_HOST = "system.memory."
_CLUSTER = {"cluster": ("orchestrator.cluster.name",)}
_HOST = {"node": ("kubernetes.node.name",), "host_name": ("host.name", "agent.name"), **_CLUSTER}
_LABELS_OF_DOCKER = "docker.container.labels.com_docker_compose_"
_Other = str | float | int | bool | list[Any] | None
"""What stands in the place of an object: a label `app` hides `app.kubernetes.io/name`."""


def _tags() -> dict[str, tuple[str, ...]]:
    """Return where annotations and labels of a pod are: Metricbeat takes dots for levels, or writes `_`."""
    labels = (*kubernetes.NAME_LABELS, kubernetes.VERSION_LABEL)
    annotations = (kubernetes.NAME_ANNOTATION, kubernetes.VERSION_ANNOTATION)
    tags = [("label", tag) for tag in labels] + [("annotation", tag) for tag in annotations]
    return {
        ATTRIBUTES[f"k8s.pod.{kind}.{tag}"]: tuple(
            f"kubernetes.{kind}s.{name}" for name in (tag.replace(".", "_"), tag)
        )
        for kind, tag in tags
    }


class _Group(NamedTuple):
    """What one metricset measures.

    Parameters
    ----------
    metrics
        How the names of its metrics begin.
    labels
        Where each label is: the first path that an event has.
    start
        Where the start of the run is.
    """

    metrics: str
    labels: Mapping[str, tuple[str, ...]]
    start: tuple[str, ...] = ()


_GROUPS = (
    _Group(
        "kubernetes.container.",
        {
            "namespace": ("kubernetes.namespace",),
            "pod": ("kubernetes.pod.name",),
            "container": ("kubernetes.container.name",),
            "node": ("kubernetes.node.name",),
            "image_name": ("container.image.name", "kubernetes.container.image"),
            "last_terminated_reason": ("kubernetes.container.status.last_terminated_reason",),
            **{f"k8s_{owner}": (f"kubernetes.{owner}.name",) for owner in OWNERS},
            **_tags(),
            **_CLUSTER,
        },
        ("kubernetes.container.start_time",),
    ),
    _Group(
        "kubernetes.node.",
        {"node": ("kubernetes.node.name",), **_CLUSTER},
        ("kubernetes.node.start_time",),
    ),
    _Group(
        "docker.memory.",
        {
            "name": ("container.name",),
            "image_name": ("container.image.name",),
            "compose_project": (f"{_LABELS_OF_DOCKER}project",),
            "compose_service": (f"{_LABELS_OF_DOCKER}service",),
            **_HOST,
        },
    ),
    _Group(_OF_HOST, _HOST),
    _Group(
        "system.process.",
        {
            "executable": ("process.name",),
            "pid": ("process.pid",),
            "cgroup": ("system.process.cgroup.path", "system.process.cgroup.memory.path"),
            **_HOST,
        },
        ("system.process.cpu.start_time", "process.cpu.start_time"),
    ),
)


def _metrics_of(group: _Group) -> dict[str, tuple[Use, ...]]:
    return {path: uses for path, uses in USES.items() if path.startswith(group.metrics)}


_METRICS = {group.metrics: _metrics_of(group) for group in _GROUPS}


def _paths() -> set[str]:
    """Return every path that is read."""
    paths = {_TIME}
    for group in _GROUPS:
        paths |= {path for several in group.labels.values() for path in several}
        paths |= {*group.start, *_METRICS[group.metrics]}
    return paths


def _attribute(name: str) -> str:
    """Return the attribute of a struct that holds what has this name in JSON."""
    return re.sub(r"\W", "_", name)


def _shape(paths: Iterable[str]) -> type[msgspec.Struct]:
    """Return a struct that holds these paths alone; each of them may be missing, or of any type."""
    below: dict[str, set[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        below.setdefault(name, set()).add(rest)
    fields = [
        (_attribute(name), Any if rests == {""} else _shape(rests) | _Other, None)
        for name, rests in sorted(below.items())
    ]
    return msgspec.defstruct("_Part", fields, rename={_attribute(name): name for name in below})


_JSON = msgspec.json.Decoder(_shape(_paths()))


def read(value: bytes, collect: Collect) -> None:
    """Give the points of one event to `collect`.

    Raises
    ------
    Unreadable
        If it is no event.
    """
    event = decoded(_JSON, value, _WHAT)
    time = _at(event, _TIME)
    if time is None:
        raise Unreadable("invalid", f"JSON, but not {_WHAT}")
    for group in _GROUPS:
        points = [
            (uses, measured)
            for path, uses in _METRICS[group.metrics].items()
            if (measured := _at(event, path)) is not None and not _means_none(path, measured)
        ]
        if points:
            collect.under(Origin(_labels(event, group)))
            start = next(filter(None, (_unix_seconds(_at(event, path)) for path in group.start)), 0.0)
            for uses, measured in points:
                collect.add(uses, {}, _unix_seconds(time), number(measured), start)


def _at(event: Any, path: str) -> Any:
    """Return what is at a path; None if there is nothing."""
    for name in _attributes(path):
        if not isinstance(event, msgspec.Struct):
            return None
        event = getattr(event, name)
    return event


@cache
def _attributes(path: str) -> tuple[str, ...]:
    return tuple(map(_attribute, path.split(".")))


def _means_none(path: str, measured: Any) -> bool:
    """Return whether a 0 stands for what the source does not tell.

    So it is with the memory of containers, nodes and processes; of a host, swap may be 0.
    """
    return measured == 0 and ".memory." in path and not path.startswith(_OF_HOST)


def _labels(event: Any, group: _Group) -> dict[str, str]:
    found = {
        label: next(filter(None, (_text(_at(event, path)) for path in paths)), "")
        for label, paths in group.labels.items()
    }
    return {label: text for label, text in found.items() if text}


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _unix_seconds(value: Any) -> float:
    return unix_seconds(value) if isinstance(value, str) else 0.0
