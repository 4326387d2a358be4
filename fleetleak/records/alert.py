"""Alert: one transition in the life of an alert."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records.evidence import Features, Quality, Siblings
from fleetleak.records.score import Forecast, Method, Trend
from fleetleak.records.types import (
    Bytes,
    Fraction,
    Kind,
    Name,
    Offset,
    PartitionNumber,
    Scope,
    Text,
    UnixSeconds,
)

AlertState = Literal["firing", "updated", "resolved"]
Severity = Literal["early", "sure"]


class Alert(Struct, tag_field="schema", tag="alert/1", kw_only=True, omit_defaults=True, gc=False):
    """One transition of one alert; topic `alerts`, key `key`.

    Parameters
    ----------
    key
        Stable from firing to resolved, and across restarts of every role: what to de-duplicate by.
    time
        Event time of the snapshot that caused the transition.
    onset, onset_low, onset_high
        When the growth began, and the earliest and latest it can have.
    since
        When this alert began to fire.
    severity
        `early`: likely, look in working hours; `sure`: established growth that reaches the limit.
    eta, eta_low, eta_high
        p50, p10 and p90 of reaching the limit; absent where there is no forecast.
    summary, recommendation
        One line for people each: what and how bad; what to do first.
    instance, affected, instances
        The instance whose snapshot caused the transition; how many instances of the service leak, and
        the first twenty of them.
    reasons
        At most three, strongest first, with their numbers.
    turning_point
        What would have changed the verdict.
    closed_by
        Why a resolved alert ended.
    track
        The track that found it (docs/tracks.md).
    """

    key: Name
    state: AlertState
    service: Name
    instance: Name
    time: UnixSeconds
    since: UnixSeconds
    severity: Severity
    kind: Kind
    confidence: Fraction
    summary: Text
    recommendation: Text
    affected: int = 1
    instances: list[Name] = []
    onset: UnixSeconds | None = None
    onset_low: UnixSeconds | None = None
    onset_high: UnixSeconds | None = None
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
