"""What a replay found, for people: each transition; without one, how near each service came."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from fleetleak.records import Alert, Decoder

_WIDTH = 80
_MOST_SERVICES = 20


class _Score(msgspec.Struct, gc=False):
    """The little of a score that is told."""

    service: str
    kind: str = "stable"
    confidence: float = 0.0
    turning_point: str | None = None


class Highest:
    """The score of the highest confidence of each service."""

    def __init__(self) -> None:
        self._best: dict[str, _Score] = {}
        self._decode = msgspec.json.Decoder(_Score).decode

    def add(self, scores: Iterable[bytes]) -> None:
        """Look at more scores."""
        for data in scores:
            score = self._decode(data)
            best = self._best.get(score.service)
            if best is None or score.confidence > best.confidence:
                self._best[score.service] = score

    def lines(self) -> list[str]:
        """Give a line for each service, the nearest to an alert first."""
        ranked = sorted(self._best.values(), key=lambda score: (-score.confidence, score.service))
        lines = [
            _indented(
                f"{score.service}: confidence at most {score.confidence:.2f},"
                f" {score.turning_point or score.kind}"
            )
            for score in ranked[:_MOST_SERVICES]
        ]
        more = len(ranked) - _MOST_SERVICES
        return [*lines, f"  and {more} more services"] if more > 0 else lines


def transitions(alerts: Iterable[bytes]) -> list[str]:
    """Give a line and the summary for each transition."""
    decode = Decoder(Alert).decode
    return [line for data in alerts for line in _transition(decode(data))]


def _transition(alert: Alert) -> list[str]:
    when = datetime.fromtimestamp(alert.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return [
        f"{when}Z  {alert.state}  {alert.severity}  {alert.key}  {alert.kind}",
        _indented(alert.summary),
    ]


def _indented(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent="  ", subsequent_indent="    ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
