"""Who speaks, from the promotions in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fleetleak.kafka.topics import MAIN
from fleetleak.records import Promotion


def changes(promotions: Iterable[Promotion]) -> list[Promotion]:
    """Give those that changed who speaks, oldest first."""
    found: list[Promotion] = []
    for promotion in promotions:
        if promotion.track != speaking(found):
            found.append(promotion)
    return found


def speaking(changed: Sequence[Promotion]) -> str:
    """Give the track that speaks after these changes."""
    return changed[-1].track if changed else MAIN


def before(changed: Sequence[Promotion]) -> str | None:
    """Give the track that spoke before the last change; None where there was none."""
    return speaking(changed[:-1]) if changed else None
