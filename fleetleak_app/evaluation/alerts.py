"""The alerts that are judged: one line per transition."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict


class Alert(TypedDict, total=False):
    """One transition; all times in unix seconds.

    The case is named by `series`, or by `service` and `instance`. `state` is `firing`, `updated`,
    `stale` or `resolved`; before `resolved` the alert is active. The other fields are optional.
    """

    series: str
    service: str
    instance: str
    time: float
    state: str
    kind: str | None
    confidence: float
    eta: float | None
    eta_low: float | None
    eta_high: float | None


def read(path: Path) -> list[Alert]:
    """Return the alerts of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def by_case(alerts: Iterable[Alert], known: Iterable[str]) -> dict[str, list[Alert]]:
    """Return the alerts of each known case; alerts on other series are left out."""
    found: dict[str, list[Alert]] = {series: [] for series in known}
    for alert in alerts:
        for name in _names(alert):
            if name in found:
                found[name].append(alert)
                break
    return found


def _names(alert: Alert) -> Iterable[str]:
    """Yield the ids that the case of this alert may have, the most exact first."""
    if "series" in alert:
        yield alert["series"]
        return
    yield f"{alert['service']}/{alert.get('instance', '')}"
    yield alert["service"]
