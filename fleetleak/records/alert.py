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
"""How certain: likely, or established growth that reaches the limit."""

Urgency = Literal["now", "today", "later"]
"""How soon: whether the limit can be reached (`eta_low`) within an hour, within a day, or later."""

URGENCIES: tuple[Urgency, ...] = ("later", "today", "now")


class Alert(Struct, tag_field="schema", tag="alert/1", kw_only=True, omit_defaults=True, gc=False):
    """One transition of one alert; topic `alerts`, key `key`.

    Parameters
    ----------
    key
        Stable from firing to resolved, and across restarts of every role: what to de-duplicate by.
    time
        Event time of the snapshot that caused the transition.
    onset, onset_low, onset_high
        When the growth began, as early as any of its scores said; and the earliest and latest it can have.
    since
        When this alert began to fire.
    severity, urgency
        How certain it is, and how soon something must be done: two questions.
    eta, eta_low, eta_high
        p50, p10 and p90 of reaching the limit; absent where there is no forecast.
    news
        What this transition tells that the one before did not, where it is more than numbers.
    summary, recommendation
        One line for people each: what and how bad, in absolute times; what to do first.
    instance, affected, alive, instances
        The instance whose snapshot caused the transition; how many instances of the service leak, of how many
        that are there; the first twenty that leak.
    reasons
        At most three, strongest first, with their numbers.
    turning_point
        The sign that decided.
    closed_by
        Why a resolved alert ended.
    track
        The track that found it (docs/tracks.md).
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
