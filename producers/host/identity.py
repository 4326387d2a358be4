"""Who was measured: cgroups and processes to scope, service and instance (docs/identity.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from fleetleak.records.types import Scope
from producers.host.procfs import Stat
from producers.host.rules import Override, Rule
from producers.host.workload import SHORT_ID, Workload, unescape
from producers.names import MOST_LABELS, fit, safe

TEMPLATE = re.compile(r"(.+@).+(\.\w+)")
TRANSIENT = re.compile(r"run-(?:[a-z]?[0-9a-f]+|p\d+-i\d+)(?:-timer)?(\.\w+)")

# The process that only holds a pod's namespaces open; it has no memory of interest.
SANDBOX = "pause"
# A container whose own program has not been started yet.
STARTING = "runc:"


@dataclass(frozen=True)
class Identity:
    """Who a snapshot is about."""

    scope: Scope
    service: str
    instance: str
    version: str | None = None
    labels: dict[str, str] = field(default_factory=dict)


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
        return Identity("host", fit(f"host/{self._host}"), fit(self._host))

    def cgroup(self, path: str, workload: Workload, comm: str | None, command: str) -> Identity | None:
        """Name a cgroup whose main process is `comm`; None for what is no workload (yet)."""
        return self._cached(path, workload, comm, command)

    def _name_cgroup(self, path: str, workload: Workload, comm: str | None, command: str) -> Identity | None:
        if (
            workload.scope == "container"
            and comm
            and (comm.startswith(STARTING) or (workload.pod and comm == SANDBOX))
        ):
            return None
        override = self._override(path, command)
        return self._named(
            workload.scope, _service(workload, comm), _instance(workload), override, _labels(workload)
        )

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
        named = ((fit(name), fit(value)) for name, value in labels.items() if name and value)
        return Identity(
            scope=scope,
            service=fit(service),
            instance=fit(f"{self._host}/{instance}"),
            version=fit(version) if version else None,
            labels=dict(islice(named, MOST_LABELS)),
        )


def _service(workload: Workload, comm: str | None) -> str:
    if workload.machine:
        return f"vm/{safe(workload.machine)}"
    if workload.scope == "unit":
        return f"unit/{safe(unescape(unit_service(workload.name)))}"
    if workload.scope == "pod":
        return f"pod/{workload.name}"
    if workload.id:
        return f"container/{safe(comm) if comm else workload.id[:SHORT_ID]}"
    return f"container/{'/'.join(map(safe, workload.containers))}"


def _instance(workload: Workload) -> str:
    # A container may run a systemd of its own, with units named like the host's.
    own = workload.id[:SHORT_ID] if workload.id else workload.machine or workload.name
    return "/".join((*workload.inside, own))


def _labels(workload: Workload) -> dict[str, str]:
    known = {
        "container": "/".join(workload.containers),
        "container_id": workload.id,
        "pod_uid": workload.name if workload.scope == "pod" else workload.pod,
        "unit": workload.name if workload.scope == "unit" else None,
    }
    return {name: value for name, value in known.items() if value}
