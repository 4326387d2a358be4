"""What labels change: which growth is covered, what is normal, and until when a service is muted."""

from __future__ import annotations

from fleetleak.records import Label
from fleetleak.records.types import MOST_BYTES
from sinks.alerting import growth
from sinks.alerting.service import ServiceAlerts

# A rise that people called normal is normal up to this factor.
_TAUGHT_MARGIN = 1.5
_EXPECTED_SECONDS = 7 * 86400.0


def cover(service: ServiceAlerts) -> None:
    """Take what grows now for no leak: as it goes on for a while, and its like for good."""
    for member in service.members.values():
        if (now := member.memory.growth) is None:
            continue
        member.memory.covered = growth.cover(now)
        if member.memory.phase == "firing":
            service.taught_rise = max(service.taught_rise, min(_TAUGHT_MARGIN * now.rise, MOST_BYTES))


def expect(service: ServiceAlerts, label: Label, time: float) -> None:
    """Mute a service for as long as the label says."""
    service.muted_until = label.expires or time + _EXPECTED_SECONDS
