"""The parts of a Score that describe rather than decide: features, data quality, siblings."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records.types import Bytes, BytesPerSecond, Fraction, HowMany, Name, Seconds, UnixSeconds

SwapPattern = Literal["none", "steady", "growing", "shrinking"]


class Features(Struct, kw_only=True, omit_defaults=True, gc=False):
    """What the instance does with memory; formulae in docs/evidence.md.

    Lists have one entry per time scale: ten minutes, two hours, a day, a week. `growth` is `allocation`
    less `deallocation`; `volatility` the standard deviation over the mean; `autocorrelation` that of
    neighbouring samples. `period` is one cycle of a swing on top of the growth. `fragmentation_index` is
    the share of used memory that is not in active use. `collections_per_hour` counts clear falls, such as
    a garbage collector's; its correlation is with the memory's level. `fault_correlation` is that of page
    faults with what is allocated.
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

    `completeness` is the share of expected samples that came (good: above .95), `irregularity` how much the
    gaps between them vary (good: below .05), `history` how long the service has been known. The baseline
    is the longest stretch of this run in which memory varied by less than a tenth; gaps up to five minutes
    do not end it.
    """

    completeness: Fraction
    irregularity: Fraction
    history: Seconds
    baseline: Bytes | None = None
    baseline_from: UnixSeconds | None = None
    baseline_to: UnixSeconds | None = None


class Siblings(Struct, kw_only=True, omit_defaults=True, gc=False):
    """What the service's other instances show; at most five minutes old.

    Instances of the same version that are alive, and how many of them grow; the same of the version before.
    `age_growth` is the slope of memory against age since start, pooled over `runs` (restarts and
    instances), `age_strength` how much of the variance it explains; there from three runs on.
    """

    instances: HowMany
    growing: HowMany
    version_before: Name | None = None
    instances_before: HowMany | None = None
    growing_before: HowMany | None = None
    runs: HowMany = 0
    age_growth: BytesPerSecond | None = None
    age_strength: Fraction | None = None
