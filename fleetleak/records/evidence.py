"""The parts of a Score that describe and do not decide: features, data quality, siblings."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records.types import Bytes, BytesPerSecond, Fraction, HowMany, Name, Seconds, UnixSeconds

SwapPattern = Literal["none", "steady", "growing", "shrinking"]


class Features(Struct, kw_only=True, omit_defaults=True, gc=False):
    """How the instance uses memory; formulae in docs/evidence.md.

    Lists have one entry per time scale: ten minutes, two hours, a day, a week. `growth` is `allocation` minus
    `deallocation`; `volatility` is the standard deviation divided by the mean; `autocorrelation` is that of
    neighbouring samples. `period` is one cycle of a swing on top of the growth. `fragmentation_index` is the
    share of used memory that is not in active use. `collections_per_hour` counts clear falls, such as those
    of a garbage collector; `collection_correlation` is whether they come more often the higher memory is.
    `fault_correlation` is the correlation of page faults with allocation.
    """

    growth: list[BytesPerSecond]
    allocation: list[BytesPerSecond]
    deallocation: list[BytesPerSecond]
    volatility: list[float]
    autocorrelation: list[float]
    period: Seconds | None = None
    fragmentation_index: Fraction | None = None
    collections_per_hour: float = 0.0
    collection_correlation: float = 0.0
    fault_correlation: float | None = None
    swap_share: Fraction | None = None
    swap_growth: BytesPerSecond | None = None
    swap_pattern: SwapPattern | None = None


class Quality(Struct, kw_only=True, omit_defaults=True, gc=False):
    """How good the data behind a verdict is.

    `completeness` is the share of expected samples that arrived (good: above .95). `irregularity` is how much
    the gaps between them vary (good: below .05). `history` is how long the service has been known. `baseline`
    is the mean of the longest stretch of this run in which memory varied by less than a tenth; gaps of up to
    five minutes do not end the stretch.
    """

    completeness: Fraction
    irregularity: Fraction
    history: Seconds
    baseline: Bytes | None = None
    baseline_from: UnixSeconds | None = None
    baseline_to: UnixSeconds | None = None


class Siblings(Struct, kw_only=True, omit_defaults=True, gc=False):
    """What the instances of the service show; at most five minutes old.

    `instances` is the number of live instances of the same version, and `growing` how many of them grow;
    `instances_before` and `growing_before` are the same for the previous version. `age_growth` is the slope
    of memory against age since start, pooled over `runs` (restarts and instances); `age_strength` is the
    share of the variance that it explains. Both are absent below three runs.
    """

    instances: HowMany
    growing: HowMany
    version_before: Name | None = None
    instances_before: HowMany | None = None
    growing_before: HowMany | None = None
    runs: HowMany = 0
    age_growth: BytesPerSecond | None = None
    age_strength: Fraction | None = None
