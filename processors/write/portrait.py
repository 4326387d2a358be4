"""The portrait of a suspected instance: features, data quality and siblings, as they stand in a Score."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np

from fleetleak.records import Snapshot
from fleetleak.records.evidence import Features, Quality, Siblings, SwapPattern
from fleetleak.records.memory import unnamed
from fleetleak.text import rate
from processors.evidence.features import TIME_SCALES, FlowFeatures
from processors.evidence.findings import TrendFindings
from processors.evidence.reasons import span
from processors.place.siblings import SiblingView

_LEAST_RUNS = 3
# Share of the swap in use that must come or go in two hours; less is no pattern.
_SWAP_MOVES = 0.02
_SWAP_SECONDS = TIME_SCALES[1]
# Correlations from which a sentence is worth it: of collections or faults, and with age.
_CLEAR, _STRONG = 0.5, 0.6
# Share of the memory from which a sentence on unnamed memory is worth it.
_MUCH_UNNAMED = 0.25

Told = tuple[float, str]


class Measured(NamedTuple):
    """A snapshot with its memory and its limit, in bytes (`processors.decode.sizes`)."""

    snapshot: Snapshot
    memory: int
    limit: int


class Portrait(NamedTuple):
    """The parts of a Score that describe one suspected instance, and sentences on them with their weights."""

    features: Features
    quality: Quality
    siblings: Siblings
    told: list[Told]

    def to_plain(self) -> dict[str, Any]:
        """Return the parts as plain values for a Score."""
        parts = {"features": self.features, "quality": self.quality, "siblings": self.siblings}
        return {name: msgspec.to_builtins(part) for name, part in parts.items()}


def portray(
    trend: TrendFindings, row: int, flows: FlowFeatures, measured: Measured, view: SiblingView
) -> Portrait:
    """Describe one sample of a batch. `row` is its place in the findings."""
    snapshot = measured.snapshot
    features = _features(trend, row, flows, measured)
    quality, siblings = _quality(trend, row), _siblings(view, snapshot.version)
    told = [*_of_features(features), *_of_siblings(siblings, snapshot), *_of_unnamed(measured)]
    if (quality.baseline_to or np.inf) <= float(trend.onset_high[row]):
        told += _of_quality(quality, measured.limit)
    return Portrait(features, quality, siblings, told)


def _features(trend: TrendFindings, row: int, flows: FlowFeatures, measured: Measured) -> Features:
    snapshot = measured.snapshot
    period, gap = float(trend.period[row]), float(trend.gap[row])
    swap = snapshot.swap_used
    return Features(
        growth=[round(x, 3) for x in flows.growth],
        allocation=[round(x, 3) for x in flows.allocation],
        deallocation=[round(x, 3) for x in flows.deallocation],
        volatility=[round(x, 4) for x in flows.volatility],
        autocorrelation=[round(x, 3) for x in flows.autocorrelation],
        period=round(period, 1) if np.isfinite(period) else None,
        fragmentation_index=_fragmentation(snapshot),
        collections_per_hour=round(flows.collections_per_sample * 3600.0 / max(gap, 1e-3), 3),
        collection_correlation=round(flows.collection_correlation, 3),
        fault_correlation=None if snapshot.faults_minor is None else round(flows.fault_correlation, 3),
        swap_share=None if swap is None else round(flows.swap / max(measured.memory, flows.swap, 1.0), 4),
        swap_growth=None if swap is None else round(flows.swap_growth, 3),
        swap_pattern=None if swap is None else _swap(flows.swap, flows.swap_growth),
    )


def _fragmentation(snapshot: Snapshot) -> float | None:
    if snapshot.active is None or not snapshot.used:
        return None
    return round(max(0.0, 1.0 - snapshot.active / snapshot.used), 4)


def _swap(swapped: float, growth: float) -> SwapPattern:
    if swapped <= 0.0:
        return "none"
    moved = growth * _SWAP_SECONDS / swapped
    if abs(moved) < _SWAP_MOVES:
        return "steady"
    return "growing" if moved > 0 else "shrinking"


def _quality(trend: TrendFindings, row: int) -> Quality:
    begin, end, mean = trend.baseline[row].tolist()
    there = end > begin
    return Quality(
        completeness=round(1.0 - float(trend.lost[row]), 4),
        irregularity=round(float(trend.uneven[row]), 4),
        history=round(float(trend.history[row]), 3),
        baseline=round(mean) if there else None,
        baseline_from=round(begin, 3) if there else None,
        baseline_to=round(end, 3) if there else None,
    )


def _siblings(view: SiblingView, version: str | None) -> Siblings:
    slope, strength = view.ages.line()
    aged = view.runs >= _LEAST_RUNS and strength > 0.0
    now, before = view.of(version)
    return Siblings(
        instances=max(1, now.instances),
        growing=now.suspected,
        version_before=before.version if before else None,
        instances_before=before.instances if before else None,
        growing_before=before.suspected if before else None,
        runs=view.runs,
        age_growth=round(slope, 3) if aged else None,
        age_strength=round(strength, 4) if aged else None,
    )


def _of_features(features: Features) -> list[Told]:
    told: list[Told] = []
    if features.swap_pattern == "growing":
        told.append((1.8, f"swap grows with it: {features.swap_share:.0%} is swapped out"))
    if (faults := features.fault_correlation or 0.0) > _CLEAR:
        told.append((faults, f"page faults go with it (correlation {faults:.2f})"))
    if features.collection_correlation > _CLEAR:
        often = f"{features.collections_per_hour:.1f} clear falls an hour"
        told.append((features.collection_correlation, f"{often}, the more the higher it is"))
    return told


def _of_unnamed(measured: Measured) -> list[Told]:
    share = unnamed(measured.snapshot) / max(measured.memory, 1)
    if share < _MUCH_UNNAMED:
        return []
    return [
        (2.0 * share + 1.0, f"no counter names {share:.0%} of it: kernel memory, huge pages or a driver's")
    ]


def _of_quality(quality: Quality, limit: int) -> list[Told]:
    if quality.baseline is None or quality.baseline_from is None or quality.baseline_to is None:
        return []
    hours = (quality.baseline_to - quality.baseline_from) / 3600.0
    return [(0.6, f"was steady at {quality.baseline / limit:.1%} of the limit for {span(hours)}")]


def _of_siblings(siblings: Siblings, snapshot: Snapshot) -> list[Told]:
    told: list[Told] = []
    if siblings.growing > 1:
        version = f" of version {snapshot.version}" if snapshot.version else ""
        text = f"{siblings.growing} of {siblings.instances} instances{version} grow"
        if siblings.version_before is not None:
            before = f"{siblings.growing_before} of {siblings.instances_before}"
            text += f"; of {siblings.version_before} before it, {before}"
        told.append((2.5, text))
    if siblings.age_growth and siblings.age_growth > 0 and (siblings.age_strength or 0.0) > _STRONG:
        grows = rate(siblings.age_growth, 3600.0)
        told.append((1.2, f"memory rises with age in {siblings.runs} runs: {grows}"))
    return told
