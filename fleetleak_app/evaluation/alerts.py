"""The alert lines that are judged: one a transition."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict


class Alert(TypedDict, total=False):
    """One transition; all times in unix seconds.

    `series` names the case, or `service` and `instance` do. `state` is `firing`, `updated` or `resolved`;
    everything but `resolved` means that the alert stands. The rest is optional.
    """

    series: str
    service: str
    instance: str
    time: float
    state: str
    kind: str | None
    eta: float | None
    eta_low: float | None
    eta_high: float | None


def read(path: Path) -> list[Alert]:
    """Read alerts from JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def by_case(alerts: Iterable[Alert], known: Iterable[str]) -> dict[str, list[Alert]]:
    """Sort alerts to the cases they speak of; alerts on other series are left out."""
    found: dict[str, list[Alert]] = {series: [] for series in known}
    for alert in alerts:
        for name in _names(alert):
            if name in found:
                found[name].append(alert)
                break
    return found


def _names(alert: Alert) -> Iterable[str]:
    """Give the ids a case of this alert may have, the most exact first."""
    if "series" in alert:
        yield alert["series"]
        return
    yield f"{alert['service']}/{alert.get('instance', '')}"
    yield alert["service"]
