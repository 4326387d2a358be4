"""Alert: one transition in the life of an alert."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fleetleak.records.evidence import Features, Quality, Siblings
from fleetleak.records.score import Forecast, Method, Trend
from fleetleak.records.types import (
    AlertKey,
    Bytes,
    BytesPerSecond,
    Fraction,
    HowMany,
    Kind,
    Labels,
    Name,
    Offset,
    PartitionNumber,
    Scope,
    Text,
    UnixSeconds,
)

AlertState = Literal["firing", "updated", "stale", "resolved"]
"""`stale`: no data came for so long that nobody knows whether it still fires."""

Severity = Literal["low", "medium", "high", "critical"]
"""How much attention it deserves, by the rules (docs/alerting.md)."""

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

Certainty = Literal["early", "sure"]
"""How certain: `early` is likely; `sure` is established growth that reaches the limit."""

CERTAINTIES: tuple[Certainty, ...] = ("early", "sure")

Urgency = Literal["now", "today", "later"]
"""How soon the limit may be reached (`eta_low`): within an hour, within a day, or later."""

URGENCIES: tuple[Urgency, ...] = ("later", "today", "now")


def higher(order: tuple[str, ...], one: str, other: str) -> bool:
    """Return whether `one` comes after `other` in an order, such as `SEVERITIES`."""
    return order.index(one) > order.index(other)


class History(Struct, kw_only=True, omit_defaults=True, gc=False):
    """The memory of one instance as it was, at most 64 points: close together near the end, far apart before.

    `times` are ascending; `memory` is at those times. `restarts` are the newest eight,
    `deploys` the newest three.
    """

    times: list[UnixSeconds]
    memory: list[Bytes]
    restarts: list[UnixSeconds] = []
    deploys: list[UnixSeconds] = []


class Alert(Struct, tag_field="schema", tag="alert/2", kw_only=True, omit_defaults=True, gc=False):
    """One transition of one alert; topic `alerts`, key `key`.

    Parameters
    ----------
    key
        The same from firing to resolved, and over restarts of every role. De-duplicate by it.
    time
        Event time of the snapshot that caused the transition, or of the newest one before; always later than
        that of the transition before.
    onset, onset_low, onset_high
        When the growth began, the earliest of all its scores; and the earliest and latest possible time.
    since
        When this alert began to fire.
    finding
        What kind of finding it is about: `leak`.
    severity, certainty, urgency
        How much attention it deserves, how certain it is, and how soon somebody must act.
    rule, threshold
        The rule that decided the severity, and the confidence that it needs.
    reopened
        How often it fired again after it was resolved.
    restarts
        The most restarts of one of its instances since it began to fire.
    suspect
        The version with which the growth began; absent where it began with none. `growth_before` is the
        growth of the version before.
    eta, eta_low, eta_high
        p50, p10 and p90 of the time when the limit is reached; absent without a forecast.
    news
        What is new since the previous transition; absent where only numbers changed.
    confirmed_by
        Who labelled it a leak.
    summary, recommendation
        One line each for people: what leaks and how badly, in at most 120 characters, with absolute times;
        what to do first.
    runbook
        Where it is written what to do; the rule has it.
    history
        The memory of `instance`, for a picture.
    instance, affected, alive, instances
        The instance whose snapshot caused the transition; how many instances of the service leak; how many
        are alive; the first twenty that leak.
    reasons
        At most three, strongest first, with their numbers.
    turning_point
        The sign that decided the verdict.
    closed_by
        Why a resolved alert ended.
    track
        The track that found the leak (docs/tracks.md).
    """

    key: AlertKey
    state: AlertState
    service: Name
    instance: Name
    time: UnixSeconds
    since: UnixSeconds
    finding: Name = "leak"
    severity: Severity
    certainty: Certainty = "early"
    urgency: Urgency = "later"
    rule: Name | None = None
    threshold: Fraction | None = None
    reopened: HowMany = 0
    restarts: HowMany = 0
    kind: Kind
    confidence: Fraction
    news: Text | None = None
    confirmed_by: Annotated[list[Name], Meta(max_length=20)] = []
    summary: Text
    recommendation: Text
    runbook: Text | None = None
    affected: HowMany = 1
    alive: HowMany = 1
    instances: list[Name] = []
    onset: UnixSeconds | None = None
    onset_low: UnixSeconds | None = None
    onset_high: UnixSeconds | None = None
    labels: Labels | None = None
    host: Name | None = None
    scope: Scope = "process"
    environment: Name | None = None
    version: Name | None = None
    suspect: Name | None = None
    growth_before: BytesPerSecond | None = None
    eta: UnixSeconds | None = None
    eta_low: UnixSeconds | None = None
    eta_high: UnixSeconds | None = None
    used: Bytes | None = None
    total: Bytes | None = None
    memory: Bytes | None = None
    limit: Bytes | None = None
    limit_name: Name | None = None
    stalled: Fraction | None = None
    forecast: Forecast | None = None
    trend: Trend | None = None
    methods: dict[str, Method] = {}
    reasons: list[Text] = []
    turning_point: Text | None = None
    features: Features | None = None
    quality: Quality | None = None
    siblings: Siblings | None = None
    history: History | None = None
    closed_by: Text | None = None
    track: Name = "main"
    input_partition: PartitionNumber | None = None
    input_offset: Offset | None = None
