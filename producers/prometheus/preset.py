"""A preset: what the metrics of one exporter mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fleetleak.records.types import Scope
from producers import kubernetes
from producers.names import fit, safe

Labels = Mapping[str, str]

Role = Literal["restarts", "oom_reason"]
"""What a source may tell beside a field: how often an instance restarted, and whether its last end was an OOM
kill."""

PLACE = ("place",)
"""Joins a source to all instances on the same host."""

# How far back a value that seldom changes may lie, as in Prometheus' own look-back.
SLOW_SECONDS = 300.0


class Identity(NamedTuple):
    """What a series measures.

    Parameters
    ----------
    places
        Names of the host that it runs on, or that it is.
    """

    scope: Scope
    service: str
    instance: str
    places: tuple[str, ...] = ()
    version: str | None = None
    environment: str | None = None
    labels: Mapping[str, str] = {}


@dataclass(frozen=True)
class Source:
    """One metric.

    Parameters
    ----------
    field
        The field of a snapshot that it is, or a `Role`. Of several sources of one field the first wins.
    matchers
        Label matchers of its own, as PromQL has them between braces.
    by
        The labels that join it to instances, or `PLACE`; empty: its own labels name the instance.
    takes
        The labels that its series share with the memory of the preset: other matchers of the user are not
        asked of it. None: all.
    slow
        Whether it seldom changes: a value of the last five minutes still holds. It makes no snapshot alone.
    begins
        Whether the start time of the counter is when the run began (OpenTelemetry's counters have one).
    adds
        Whether the points of one time add up, such as those of several devices.
    scale
        What a value is multiplied by, to be in bytes or seconds.
    small
        Smaller values are left out: there are too many of what has so little.
    """

    metric: str
    field: str
    matchers: str = ""
    by: tuple[str, ...] = ()
    takes: frozenset[str] | None = None
    slow: bool = False
    begins: bool = False
    adds: bool = False
    scale: float = 1.0
    small: float = 0.0


def of_container(metric: str, field: str, matchers: str = "") -> Source:
    """Return a source in which another exporter tells of a container what seldom changes."""
    return Source(metric, field, matchers, _CONTAINER, OF_CONTAINER, slow=True)


def of_host(metric: str, field: str) -> Source:
    """Return a source in which another exporter tells of the host, to what runs on it."""
    return Source(metric, field, "", PLACE, frozenset(CLUSTER), slow=True)


@dataclass(frozen=True)
class Info:
    """A metric whose labels, not its values, say more of an instance; they are joined by the labels `by`.

    Parameters
    ----------
    keeps
        The labels that are read; the first value stays, so that no instance changes its name.
    agree
        Labels of which nothing is taken where two series do not agree, such as two versions of one pod.
    """

    metric: str
    by: tuple[str, ...]
    keeps: tuple[str, ...]
    takes: frozenset[str] | None = None
    agree: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preset:
    """The metrics of one exporter.

    Parameters
    ----------
    memory
        The fields of which one is needed for a snapshot; the metric of the first source shows whether there
        is data.
    inside
        Names of presets that measure the same memory, with its limits: where they have data, this one is left
        out unless it is named.
    selectors
        Matchers of the series of instances, as PromQL has them between braces; each selects others.
    identify
        Returns the identity of a series from its labels and those of its infos; None if it is not published.
    derive
        Completes the fields of one snapshot, in place: bytes by field. A negative value is left out.
    labels
        The labels that `identify` reads.
    in_pods
        Whether its instances are containers of pods, of which other exporters tell by namespace and pod.
    """

    name: str
    about: str
    memory: tuple[str, ...]
    sources: tuple[Source, ...]
    identify: Callable[[Labels, Labels], Identity | None]
    derive: Callable[[dict[str, float]], None]
    infos: tuple[Info, ...] = ()
    inside: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ("",)
    labels: tuple[str, ...] = ()
    in_pods: bool = False


CLUSTER = ("cluster", "cluster_name", "k8s_cluster_name", "cluster_id")
"""Labels that tell clusters apart; the first that a series has."""
OF_HOST = (*CLUSTER, "node", "kubernetes_io_hostname", "instance")
"""Labels that name the host of a target."""
_CONTAINER = ("namespace", "pod", "container")
OF_CONTAINER = frozenset({*_CONTAINER, *CLUSTER})
"""What `takes` where another exporter tells of a pod or container."""
# Where Prometheus scrapes without `honor_labels`, the labels of an exporter get this prefix, and those of the
# exporter's own pod stand in their place.
_TRUE = tuple((f"exported_{name}", name) for name in ("namespace", "pod", "container", "node"))
EXPORTED = tuple(prefixed for prefixed, _ in _TRUE)
"""Labels with that prefix."""


def cluster_of(labels: Labels) -> str:
    """Return the cluster of a series; empty where it has none."""
    return next((labels[name] for name in CLUSTER if labels.get(name)), "")


def true_labels(labels: Labels) -> Labels:
    """Return labels with the names that the exporter gave.

    Examples
    --------
    >>> true_labels({"pod": "kube-state-metrics-0", "exported_pod": "cart-1"})["pod"]
    'cart-1'
    """
    exported = {name: labels[prefixed] for prefixed, name in _TRUE if labels.get(prefixed)}
    return {**labels, **exported} if exported else labels


def host_of(instance: str) -> str:
    """Return the host of a target's address, without its port.

    Examples
    --------
    >>> host_of("10.0.0.5:9100"), host_of("node-a"), host_of("[fd00::1]:9100")
    ('10.0.0.5', 'node-a', 'fd00::1')
    """
    if instance.startswith("["):
        return instance[1:].partition("]")[0]
    host, colon, port = instance.rpartition(":")
    return host if colon and port.isdigit() and ":" not in host else instance


def places_of(labels: Labels, *names: str | None) -> tuple[str, ...]:
    """Return the names of a host: those given, and those in the labels of a target on it."""
    known = (
        *names,
        labels.get("node"),
        labels.get("kubernetes_io_hostname"),
        host_of(labels.get("instance", "")),
    )
    return tuple(dict.fromkeys(filter(None, known)))


def of_cluster(labels: Labels, instance: str) -> str:
    """Return the name of an instance, with that of its cluster where the labels have one."""
    cluster = cluster_of(labels)
    return fit(f"{cluster}/{instance}" if cluster else instance)


def within_limit(fields: dict[str, float]) -> None:
    """Set what follows from a limit, in place: the kernel ends a container by its working set."""
    if "limit" in fields:
        fields["total"] = fields["limit"]
        if "working_set" in fields:
            fields["limit_used"] = fields["working_set"]


def pod_identity(labels: Labels, workload: str, version: str | None) -> Identity | None:
    """Return the identity of a container of a pod; None if the labels name none."""
    namespace, pod, container = (
        labels.get("namespace") or "default",
        labels.get("pod"),
        labels.get("container"),
    )
    if not pod or not container:
        return None
    return Identity(
        "container",
        fit(f"{safe(namespace)}/{safe(workload)}/{safe(container)}"),
        of_cluster(labels, kubernetes.instance(namespace, pod, container)),
        places_of(labels),
        version,
        cluster_of(labels) or None,
        {"namespace": namespace, "pod": pod, "container": container},
    )


def docker_identity(
    labels: Labels,
    name: str,
    places: tuple[str, ...],
    compose: tuple[str | None, str | None],
    version: str | None,
) -> Identity:
    """Return the identity of a container outside Kubernetes: by its service of Compose, or its name."""
    project, service = compose
    shared = f"{safe(project)}/{safe(service)}" if project and service else safe(name)
    return Identity(
        "container",
        fit(f"container/{shared}"),
        of_cluster(labels, f"{places[0]}/{name}" if places else name),
        places,
        version,
        cluster_of(labels) or None,
        {"container": name},
    )


def host_identity(labels: Labels, name: str | None) -> Identity | None:
    """Return the identity of a host: `name` is its own name, if that is known."""
    places = places_of(labels, name)
    if not places:
        return None
    own = places[0]
    return Identity(
        "host",
        fit(f"host/{safe(own)}"),
        of_cluster(labels, own),
        places,
        environment=cluster_of(labels) or None,
    )
