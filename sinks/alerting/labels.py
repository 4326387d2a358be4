"""The effects of labels: a growth is covered, a rise becomes normal, or a service is muted."""

from __future__ import annotations

from fleetleak.records import Label
from fleetleak.records.types import MOST_BYTES
from sinks.alerting import growth
from sinks.alerting.service import ServiceAlerts

# A rise that a label called normal is normal up to this factor.
_TAUGHT_MARGIN = 1.5
_EXPECTED_SECONDS = 7 * 86400.0


def cover(service: ServiceAlerts) -> None:
    """Apply a label `not-a-leak`.

    The current growth of each instance is covered for a while. Where its alert is firing, a similar rise is
    normal for the service from now on.
    """
    for member in service.members.values():
        if (now := member.memory.growth) is None:
            continue
        member.memory.covered = growth.cover(now)
        if member.memory.phase == "firing":
            service.taught_rise = max(service.taught_rise, min(_TAUGHT_MARGIN * now.rise, MOST_BYTES))


def expect(service: ServiceAlerts, label: Label, time: float) -> None:
    """Apply a label `expected`: mute the service until the label expires, or for a week."""
    service.muted_until = label.expires or time + _EXPECTED_SECONDS
