"""The fields of one instance at one time: which values are possible, and the snapshot made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetleak.records import Snapshot
from fleetleak.records.types import MOST_BYTES, MOST_COUNT, MOST_UNIX_SECONDS
from producers.names import fit
from producers.plausible import drop_impossible
from producers.prometheus.preset import Identity

OOM_KILLS = "oom_kills"
_MOST: dict[str, float] = {
    "started": MOST_UNIX_SECONDS,
    "cpu_seconds": MOST_COUNT,
    "restarts": MOST_COUNT,
    "faults_major": MOST_COUNT,
    OOM_KILLS: MOST_COUNT,
}
_FLOATS = frozenset({"started", "cpu_seconds", "pressure_some", "pressure_full"})
_AT_LEAST_ONE = frozenset({"limit", "total"})
_KNOWN = frozenset(Snapshot.__struct_fields__)
_NEEDED = dict.fromkeys(("started", "total", "limit", "limit_used"))


def most(name: str) -> float:
    """Return the largest value that a field may have."""
    return _MOST.get(name, MOST_BYTES)


def least(name: str) -> float:
    """Return the smallest value that a field may have."""
    return 1 if name in _AT_LEAST_ONE else 0


def possible(name: str, value: float) -> bool:
    """Return whether a field may have this value.

    Examples
    --------
    >>> possible("anon", 0), possible("limit", 0), possible("anon", -1), possible("anon", float("nan"))
    (True, False, False, False)
    """
    return least(name) <= value <= most(name)


def means_none(name: str, value: float) -> bool:
    """Return whether an exporter says with this value that there is no limit: 0, or what no machine has."""
    return name == "limit" and (value == 0 or value > most(name))


def fitted(identity: Identity) -> Identity:
    """Return an identity whose names a record may hold."""
    return identity._replace(
        places=tuple(map(fit, identity.places)),
        environment=identity.environment and fit(identity.environment),
        version=identity.version and fit(identity.version),
        labels={name: fit(value) for name, value in identity.labels.items()},
    )


def snapshot(
    identity: Identity, time: float, fields: Mapping[str, float], inside_bytes: float = 0
) -> tuple[Snapshot, list[str]]:
    """Return the snapshot of one instance at one time, and the fields that were left out of it.

    Parameters
    ----------
    identity
        Its names fit into a record (`fitted`).
    fields
        Values by field of a snapshot, each of them `possible`.
    inside_bytes
        Of a host: the memory that a leak can grow and that belongs to instances with snapshots of their own.
    """
    values: dict[str, Any] = {
        # A reading of a newer version may have a field that no snapshot of this one has.
        name: value if name in _FLOATS else int(value)
        for name, value in fields.items()
        if name in _KNOWN
    }
    wrong: list[str] = []
    is_host = identity.scope == "host"
    # What is computed from possible values may be impossible.
    if is_host or not all(0 <= value <= MOST_BYTES for value in values.values()):
        wrong = [
            name
            for name in drop_impossible({**_NEEDED, **values}, host=is_host)
            if values.pop(name, None) is not None
        ]
    if is_host and inside_bytes:
        values["attributed"] = min(int(inside_bytes), MOST_BYTES)
    made = Snapshot(
        service=identity.service,
        instance=identity.instance,
        timestamp=time,
        host=identity.places[0] if identity.places else None,
        scope=identity.scope,
        environment=identity.environment,
        version=identity.version,
        labels=dict(identity.labels) or None,
        **values,
    )
    return made, wrong
