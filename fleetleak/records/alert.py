"""Alert: one transition in the life of an alert."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records.evidence import Features, Quality, Siblings
from fleetleak.records.score import Forecast, Method, Trend
from fleetleak.records.types import (
    AlertKey,
    Bytes,
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

AlertState = Literal["firing", "updated", "resolved"]
Severity = Literal["early", "sure"]
"""How certain: `early` is likely; `sure` is established growth that reaches the limit."""

Urgency = Literal["now", "today", "later"]
"""How soon the limit may be reached (`eta_low`): within an hour, within a day, or later."""

URGENCIES: tuple[Urgency, ...] = ("later", "today", "now")


class Alert(Struct, tag_field="schema", tag="alert/1", kw_only=True, omit_defaults=True, gc=False):
    """One transition of one alert; topic `alerts`, key `key`.

    Parameters
    ----------
    key
        The same from firing to resolved, and over restarts of every role. De-duplicate by it.
    time
        Event time of the snapshot that caused the transition.
    onset, onset_low, onset_high
        When the growth began, the earliest of all its scores; and the earliest and latest possible time.
    since
        When this alert began to fire.
    severity, urgency
        How certain the leak is, and how soon somebody must act.
    eta, eta_low, eta_high
        p50, p10 and p90 of the time when the limit is reached; absent without a forecast.
    news
        What is new since the previous transition; absent where only numbers changed.
    summary, recommendation
        One line each for people: what leaks and how badly, with absolute times; what to do first.
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
    severity: Severity
    urgency: Urgency = "later"
    kind: Kind
    confidence: Fraction
    news: Text | None = None
    summary: Text
    recommendation: Text
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
    eta: UnixSeconds | None = None
    eta_low: UnixSeconds | None = None
    eta_high: UnixSeconds | None = None
    used: Bytes | None = None
    total: Bytes | None = None
    forecast: Forecast | None = None
    trend: Trend | None = None
    methods: dict[str, Method] = {}
    reasons: list[Text] = []
    turning_point: Text | None = None
    features: Features | None = None
    quality: Quality | None = None
    siblings: Siblings | None = None
    closed_by: Text | None = None
    track: Name = "main"
    input_partition: PartitionNumber | None = None
    input_offset: Offset | None = None
