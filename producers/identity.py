"""Who was measured: cgroup paths and processes to scope, service and instance (docs/identity.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from fleetleak.records.types import Scope
from producers.procfs import Stat
from producers.rules import Override, Rule

LONGEST = 256

CONTAINER = re.compile(r"(?:.*:)?(?:[a-z-]+[-:])?(?P<id>[0-9a-f]{64})(?:\.scope)?")
POD = re.compile(
    r"(?:.*-)?pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?"
)
UNIT = re.compile(r".+\.(?:service|scope)")
TEMPLATE = re.compile(r"(.+@).+(\.\w+)")
TRANSIENT = re.compile(r"run-[a-z]?[0-9a-f]+(\.\w+)")
UNSAFE = re.compile(r"[^\w.@:+-]", re.ASCII)

# The process that only holds a pod's namespaces open; it has no memory of interest.
SANDBOX = "pause"
# A container whose own program has not been started yet.
STARTING = "runc:"


class Kind(NamedTuple):
    """What a cgroup path says: `name` is a unit, a container id or a pod uid; `inside` a container id."""

    scope: Scope
    name: str
    pod: str | None
    inside: str | None


@dataclass(frozen=True)
class Identity:
    """Who a snapshot is about."""

    scope: Scope
    service: str
    instance: str
    version: str | None = None
    labels: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=8192)
def classify(path: str) -> Kind | None:
    """Say what a cgroup is; None where it is not published on its own.

    Examples
    --------
    >>> classify("/system.slice/nginx.service").scope
    'unit'
    >>> classify("/user.slice/user-1000.slice/session-2.scope") is None
    True
    """
    # A name that is not UTF-8 could not be published.
    *above, last = path.encode("utf-8", "replace").decode().split("/")
    pod = _last(POD, "uid", above)
    inside = _last(CONTAINER, "id", above)
    if found := CONTAINER.fullmatch(last):
        return Kind("container", found["id"], pod, inside)
    if found := POD.fullmatch(last):
        return Kind("pod", found["uid"].replace("_", "-"), None, inside)
    if UNIT.fullmatch(last) and _is_system(above, last):
        return Kind("unit", last, None, inside)
    return None


def _last(pattern: re.Pattern[str], group: str, parts: Iterable[str]) -> str | None:
    found = [match[group] for match in map(pattern.fullmatch, parts) if match]
    return found[-1].replace("_", "-") if found else None


def _is_system(above: list[str], last: str) -> bool:
    # People's sessions come and go under user.slice: their processes are seen one by one.
    return "user.slice" not in above and (last.endswith(".service") or "system.slice" in above)


def safe(name: str) -> str:
    """Make a name fit for a service: other signs than letters, digits and `._@:+-` become `_`."""
    return UNSAFE.sub("_", name) or "_"


def unit_service(unit: str) -> str:
    """Give the part of a unit's name that its instances share.

    Examples
    --------
    >>> unit_service("worker@7.service"), unit_service("run-r5d1f.scope")
    ('worker@.service', 'run.scope')
    """
    if found := TRANSIENT.fullmatch(unit):
        return "run" + found[1]
    if found := TEMPLATE.fullmatch(unit):
        return found[1] + found[2]
    return unit


class Identifier:
    """Names what is found on one host; the first rule that fits wins over the names given here.

    Parameters
    ----------
    host
        Begins every instance.
    rules
        Tried in order: first on the cgroup path, then on the command line (of the main process).
    """

    def __init__(self, host: str, rules: Sequence[Rule] = ()) -> None:
        self._host = host
        self._rules = rules
        # Every tick asks for the same names.
        self._cached = lru_cache(maxsize=8192)(self._name_cgroup)

    @property
    def reads_commands(self) -> bool:
        """Whether a command line can change a name."""
        return bool(self._rules)

    def host(self) -> Identity:
        """Name the host itself."""
        return Identity("host", f"host/{self._host}", self._host)

    def cgroup(self, path: str, kind: Kind, comm: str | None, command: str) -> Identity | None:
        """Name a cgroup whose main process is `comm`; None for what is no workload (yet)."""
        return self._cached(path, kind, comm, command)

    def _name_cgroup(self, path: str, kind: Kind, comm: str | None, command: str) -> Identity | None:
        if (
            kind.scope == "container"
            and comm
            and (comm.startswith(STARTING) or (kind.pod and comm == SANDBOX))
        ):
            return None
        override = self._override(path, command)
        return self._named(kind.scope, _service(kind, comm), _instance(kind), override, _labels(kind))

    def process(self, pid: int, stat: Stat, command: str) -> Identity:
        """Name a process: never by pid alone, since pids are used again."""
        service = f"process/{safe(stat.comm)}"
        instance = f"{pid}-{stat.start_ticks}"
        return self._named("process", service, instance, self._override(command), {"pid": str(pid)})

    def _override(self, *texts: str) -> Override | None:
        found = (rule.apply(text) for rule in self._rules for text in texts if text)
        return next((override for override in found if override), None)

    def _named(
        self, scope: Scope, service: str, instance: str, override: Override | None, labels: dict[str, str]
    ) -> Identity:
        version = None
        if override:
            service = override.service or service
            version = override.version
            labels = {**labels, **override.labels}
        return Identity(
            scope=scope,
            service=service[:LONGEST],
            instance=f"{self._host}/{instance}"[:LONGEST],
            version=version and version[:LONGEST],
            labels={name[:LONGEST]: value[:LONGEST] for name, value in labels.items()},
        )


def _service(kind: Kind, comm: str | None) -> str:
    if kind.scope == "unit":
        return f"unit/{safe(unit_service(kind.name))}"
    if kind.scope == "pod":
        return f"pod/{kind.name}"
    return f"container/{safe(comm) if comm else kind.name[:12]}"


def _instance(kind: Kind) -> str:
    name = kind.name[:12] if kind.scope == "container" else kind.name
    # A container may run a systemd of its own, with units named like the host's.
    return f"{kind.inside[:12]}/{name}" if kind.scope == "unit" and kind.inside else name


def _labels(kind: Kind) -> dict[str, str]:
    known = {
        "container_id": kind.name if kind.scope == "container" else None,
        "pod_uid": kind.name if kind.scope == "pod" else kind.pod,
        "unit": kind.name if kind.scope == "unit" else None,
    }
    return {name: value for name, value in known.items() if value}
