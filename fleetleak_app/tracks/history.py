"""The active track, from the promotions in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fleetleak.kafka.topics import MAIN
from fleetleak.records import Promotion


def changes(promotions: Iterable[Promotion]) -> list[Promotion]:
    """Return the promotions that changed the active track, oldest first."""
    changed: list[Promotion] = []
    for promotion in promotions:
        if promotion.track != active(changed):
            changed.append(promotion)
    return changed


def active(changed: Sequence[Promotion]) -> str:
    """Return the active track after these changes."""
    return changed[-1].track if changed else MAIN


def before(changed: Sequence[Promotion]) -> str | None:
    """Return the track that was active before the last change; None without a change."""
    return active(changed[:-1]) if changed else None
