"""Score: the evidence a processor found in one snapshot. It judges nothing; sinks do."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records.evidence import Features, Quality, Siblings
from fleetleak.records.types import (
    Bytes,
    BytesPerSecond,
    Count,
    Fraction,
    Kind,
    Labels,
    Name,
    Offset,
    PartitionNumber,
    Probability,
    Scope,
    Seconds,
    Text,
    UnixSeconds,
)


class Method(Struct, kw_only=True, omit_defaults=True, gc=False):
    """What one method says of one snapshot.

    `raw` has no common scale between methods or services; `p` is the online tail probability of that raw
    score for this service (absent while it is still learning); `detected` is the method's own verdict.
    """

    raw: float
    p: Probability | None = None
    detected: bool = False
    confidence: Fraction = 0.0


class Trend(Struct, kw_only=True, omit_defaults=True, gc=False):
    """Growth of the leak-relevant memory (anonymous, swapped and unreclaimable) of one instance.

    `growth` with its interval is the robust slope over a stretch that is `window` long and ends at `end`;
    `rise` the bytes gained in it and `level` where it ends, both along the lower edge of the memory's swings;
    `strength` how much of the movement the growth explains; `normal_rise` what this service is known to gain
    and give back.
    """

    growth: BytesPerSecond
    growth_low: BytesPerSecond
    growth_high: BytesPerSecond
    window: Seconds
    end: UnixSeconds | None = None
    rise: float
    level: float
    strength: Fraction
    normal_rise: float = 0.0


class Forecast(Struct, kw_only=True, omit_defaults=True, gc=False):
    """When the limit is reached if the growth goes on: p50 (`eta`), p10 and p90, absolute unix seconds."""

    eta: UnixSeconds
    eta_low: UnixSeconds
    eta_high: UnixSeconds
    limit: Bytes
    limit_name: Name
    limit_used: Bytes


class Score(Struct, tag_field="schema", tag="score/1", kw_only=True, omit_defaults=True, gc=False):
    """Evidence for one snapshot; topic `scores`, key `service`, same partition number and order.

    `input_partition` and `input_offset` name the snapshot. `memory` is what a leak grows: anonymous, swapped,
    unreclaimable and unnamed. `limit` is the one that is reached first, `left` what can be had until then.
    `stalled` is the share of the time since the snapshot before in which tasks waited for memory; absent
    below a hundredth. `onset` is when the growth began. `forecast` is absent where growth is not significant;
    `reasons` (at most three), `turning_point` (the sign that decided), `features`, `quality`
    and `siblings` are there where it is and confidence is at least .1. `drift` names the detectors that
    flagged a change at this snapshot; `drift_before` is the faded mean share of the limit before it,
    `drift_after` the share now.
    """

    service: Name
    instance: Name
    time: UnixSeconds
    input_partition: PartitionNumber
    input_offset: Offset
    host: Name | None = None
    scope: Scope = "process"
    environment: Name | None = None
    version: Name | None = None
    labels: Labels | None = None
    started: UnixSeconds | None = None
    used: Bytes | None = None
    total: Bytes | None = None
    memory: Bytes | None = None
    limit: Bytes | None = None
    limit_name: Name | None = None
    left: Bytes | None = None
    room_used: Fraction | None = None
    methods: dict[str, Method] = {}
    trend: Trend | None = None
    forecast: Forecast | None = None
    kind: Kind = "stable"
    confidence: Fraction = 0.0
    onset: UnixSeconds | None = None
    onset_low: UnixSeconds | None = None
    onset_high: UnixSeconds | None = None
    drift: list[Name] = []
    drift_before: float | None = None
    drift_after: float | None = None
    restarted: bool = False
    oom_kills: Count | None = None
    stalled: Fraction | None = None
    reasons: list[Text] = []
    turning_point: Text | None = None
    features: Features | None = None
    quality: Quality | None = None
    siblings: Siblings | None = None
