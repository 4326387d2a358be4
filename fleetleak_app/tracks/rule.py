"""The rule that promotes a track: at once when the active track is wrong too often, otherwise weekly."""

from __future__ import annotations

from typing import NamedTuple

from fleetleak_app.tracks.compare import DAY_SECONDS, Comparison, Row

LEAST_ACCURACY = 0.8
"""Below this accuracy the active track is replaced before the week is over."""
_WAIT_DAYS = 7.0


class Decision(NamedTuple):
    """The track to promote, if any, and why."""

    track: str | None
    why: str


def decide(comparison: Comparison, least_labels: int) -> Decision:
    """Return which track to promote.

    Parameters
    ----------
    least_labels
        How many labels both tracks must have been compared with.
    """
    active = comparison.active
    champion = next(row for row in comparison.rows if row.track == active)
    rivals = [row for row in comparison.rows if row.track != active and row.judged >= least_labels]
    if champion.judged < least_labels:
        return Decision(None, f"{champion.judged} labels in the window, {least_labels} are needed")
    if not rivals:
        return Decision(None, f"no other track was held against {least_labels} labels")
    return _between(comparison, champion, max(rivals, key=lambda row: (_accuracy(row), -row.alerts_per_day)))


def _between(comparison: Comparison, champion: Row, rival: Row) -> Decision:
    held = f"{rival.track} was right in {_accuracy(rival):.2f} of {rival.judged} labels"
    held += f", {champion.track} in {_accuracy(champion):.2f} of {champion.judged}"
    if _accuracy(rival) <= _accuracy(champion):
        return Decision(None, held)
    if _accuracy(champion) < LEAST_ACCURACY:
        return Decision(rival.track, f"{held}: below {LEAST_ACCURACY:.2f}")
    promoted_at = comparison.promoted_at
    if promoted_at is not None and comparison.end - promoted_at < _WAIT_DAYS * DAY_SECONDS:
        return Decision(None, f"{held}, but the last promotion is less than {_WAIT_DAYS:.0f} days old")
    volume = f"with {rival.alerts_per_day:.2f} alerts a day against {champion.alerts_per_day:.2f}"
    promoted = rival.track if rival.alerts_per_day <= champion.alerts_per_day else None
    return Decision(promoted, f"{held}, {volume}")


def _accuracy(row: Row) -> float:
    return row.accuracy or 0.0
