"""Scores in, transitions of alerts out: what the scenario tests of alerting share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from fleetleak.records import Alert, Decoder, Forecast, Score, Trend, encode
from fleetleak.settings.tree import AlertingSettings
from fleetleak.stream import Applied, Record
from sinks.alerting.leak.role import LeakAlerting
from sinks.policy.file import PolicyFile, read

GIB = 1 << 30
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
_decode = Decoder(Alert).decode


def policy(directory: Path, text: str) -> PolicyFile:
    """Return the policy of a file with this text."""
    file = directory / "policy.toml"
    file.write_text(text)
    return read(str(file))


def role(rules: PolicyFile | None = None, **settings: float) -> LeakAlerting:
    """Return the role with some settings of its own."""
    given = AlertingSettings(**settings)  # type: ignore[arg-type]
    return LeakAlerting(given, rules or read(None), "alerts", "silent")


def score(minute: float, confidence: float = 0.9, used: float = 0.5, **other: object) -> Score:
    """Return a score on a growth; `used` is the used share of a GiB."""
    trend = Trend(
        growth=1e5, growth_low=9e4, growth_high=1.1e5, window=HOUR, rise=0.2 * GIB, level=used * GIB,
        strength=0.95,
    )  # fmt: skip
    one = Score(
        service="a", instance="a-1", time=minute * MINUTE, input_partition=0, input_offset=int(minute),
        used=int(used * GIB), memory=int(used * GIB), total=GIB, room_used=used, trend=trend,
        kind="linear", confidence=confidence,
    )  # fmt: skip
    return replace(one, **other)


def calm(minute: float, used: float = 0.2, **other: object) -> Score:
    """Return a score on memory that does not grow."""
    return score(minute, 0.0, used, **({"kind": "stable", "trend": None} | other))


def ahead(minute: float, hours: float, limit: int = GIB) -> Forecast:
    """Return a forecast whose lower bound is so many hours away, times .55."""
    now = minute * MINUTE
    return Forecast(
        eta=now + hours * HOUR, eta_low=now + hours * 2000, eta_high=now + hours * 4500, limit=limit,
        limit_name="memory.max", limit_used=1,
    )  # fmt: skip


def held(minute: float, hours: float = 10.0, limit: int = GIB, **other: object) -> Score:
    """Return a score on a growth below a limit, with a forecast."""
    left = max(0, limit - int(0.5 * GIB))
    forecast = ahead(minute, hours, limit)
    given = {"limit": limit, "limit_name": "memory.max", "left": left, "forecast": forecast} | other
    return score(minute, **given)  # type: ignore[arg-type]


def as_record(one: Score, offset: int = 0) -> Record:
    """Return a score as an input record, appended at its event time."""
    return Record(0, offset, one.service.encode(), encode(one), one.time, one.time)


def published(applied: Applied) -> list[Alert]:
    """Return the transitions of a batch."""
    return [_decode(output.value) for output in applied.outputs]


def run(scores: Iterable[Score], alerting: LeakAlerting | None = None) -> list[Alert]:
    """Return the transitions that scores cause."""
    alerting = alerting or role()
    return published(alerting.apply([as_record(one, n) for n, one in enumerate(scores)]))


def states(alerts: Iterable[Alert]) -> list[str]:
    """Return the states of transitions."""
    return [one.state for one in alerts]
