"""The results of a replay, for people: each transition; without one, the highest confidence per service."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from fleetleak.records import Alert, Decoder

_WIDTH = 80
_MOST_SERVICES = 20


class _Score(msgspec.Struct, gc=False):
    """The fields of a score that are printed."""

    service: str
    kind: str = "stable"
    confidence: float = 0.0
    turning_point: str | None = None


class Highest:
    """The score with the highest confidence of each service."""

    def __init__(self) -> None:
        self._best: dict[str, _Score] = {}
        self._decode = msgspec.json.Decoder(_Score).decode

    def add(self, scores: Iterable[bytes]) -> None:
        """Take more scores, as JSON."""
        for data in scores:
            score = self._decode(data)
            best = self._best.get(score.service)
            if best is None or score.confidence > best.confidence:
                self._best[score.service] = score

    def lines(self) -> list[str]:
        """Return a line for each service, the highest confidence first."""
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
    """Return a headline and the summary of each transition."""
    decode = Decoder(Alert).decode
    return [line for data in alerts for line in _transition(decode(data))]


def _transition(alert: Alert) -> list[str]:
    when = datetime.fromtimestamp(alert.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return [
        f"{when}Z  {alert.state}  {alert.severity}  {alert.key}  {alert.kind}",
        _indented(alert.summary),
        *([_indented(alert.news)] if alert.news else []),
    ]


def _indented(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent="  ", subsequent_indent="    ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
