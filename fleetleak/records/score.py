"""Score: the evidence of a processor for one snapshot. It decides nothing; sinks do."""

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
    """What one method says about one snapshot.

    `raw` has no common scale between methods or services. `p` is the online tail probability of `raw` for
    this service (absent while the method is still learning). `detected` is the method's own verdict.
    """

    raw: float
    p: Probability | None = None
    detected: bool = False
    confidence: Fraction = 0.0


class Trend(Struct, kw_only=True, omit_defaults=True, gc=False):
    """Growth of one instance's memory (`memory` of the Score).

    `growth` is the robust slope over a stretch that lasts `window` and ends at `end`, with its confidence
    interval `growth_low` to `growth_high`. `rise` is the bytes gained in the stretch and `level` the bytes at
    its end; both follow the lower edge of the memory's swings. `strength` is the share of the movement that
    the growth explains. `normal_rise` is the bytes that this service normally gains and gives back.
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
    """When the limit is reached if the growth continues.

    `eta`, `eta_low` and `eta_high` are the p50, p10 and p90 of that time, in unix seconds.
    """

    eta: UnixSeconds
    eta_low: UnixSeconds
    eta_high: UnixSeconds
    limit: Bytes
    limit_name: Name
    limit_used: Bytes


class Score(Struct, tag_field="schema", tag="score/1", kw_only=True, omit_defaults=True, gc=False):
    """Evidence for one snapshot; topic `scores`, key `service`, same partition number and order.

    `input_partition` and `input_offset` identify the snapshot. `memory` is the memory that a leak grows:
    anonymous, swapped, shared, unreclaimable and unnamed. `limit` is the limit that is reached first, and
    `left` the bytes left below it. `room_used` is the `limit_used` share: the used share of the instance's
    own limit. `stalled` is the share of the time since the previous snapshot in which tasks waited for
    memory; absent below .01. `onset` is when the growth began. `forecast` is absent where growth is not
    significant. `reasons` (at most three), `turning_point` (the sign that decided), `features`, `quality` and
    `siblings` are present where growth is significant and `confidence` is at least .1. `drift` names the
    detectors that reported a change at this snapshot; `drift_before` is the faded mean of memory as a share
    of the limit before it, `drift_after` the share now.
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
