"""The scope, service and instance of cgroups and processes (docs/identity.md)."""

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

# The process that only holds a pod's namespaces open; its memory is of no interest.
SANDBOX = "pause"
# The name of a container's process before the container's own program starts.
STARTING = "runc:"


@dataclass(frozen=True)
class Identity:
    """What a snapshot says it measured."""

    scope: Scope
    service: str
    instance: str
    version: str | None = None
    labels: dict[str, str] = field(default_factory=dict)


def unit_service(unit: str) -> str:
    """Return the part of a unit's name that its instances share.

    Examples
    --------
    >>> unit_service("worker@7.service"), unit_service("run-r5d1f.scope")
    ('worker@.service', 'run.scope')
    """
    if transient := TRANSIENT.fullmatch(unit):
        return "run" + transient[1]
    if template := TEMPLATE.fullmatch(unit):
        return template[1] + template[2]
    return unit


class Identifier:
    """Names cgroups and processes of one host; the first rule that matches overrides the usual names.

    Parameters
    ----------
    host
        Every instance begins with it.
    rules
        Tried in order, each first on the cgroup path, then on the command line (of the main process).
    """

    def __init__(self, host: str, rules: Sequence[Rule] = ()) -> None:
        self._host = host
        self._rules = rules
        # Every tick asks for the same names.
        self._cached = lru_cache(maxsize=8192)(self._name_cgroup)

    @property
    def reads_commands(self) -> bool:
        """Return whether a command line can change a name."""
        return bool(self._rules)

    def host(self) -> Identity:
        """Return the identity of the host itself."""
        return Identity("host", fit(f"host/{self._host}"), fit(self._host))

    def cgroup(self, path: str, workload: Workload, comm: str | None, command: str) -> Identity | None:
        """Return the identity of a cgroup with the main process `comm`; None if it is not published (yet)."""
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
        """Return the identity of a process: pid and start, since pids are reused."""
        service = f"process/{safe(stat.comm)}"
        instance = f"{pid}-{stat.start_ticks}"
        return self._named("process", service, instance, self._override(command), {"pid": str(pid)})

    def _override(self, *texts: str) -> Override | None:
        overrides = (rule.apply(text) for rule in self._rules for text in texts if text)
        return next(filter(None, overrides), None)

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
    # A container may run a systemd of its own, whose units have the same names as the host's.
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
