"""Reasons in words: the strongest evidence with its numbers, and the sign that decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleetleak.text import rate, size
from processors.columns import Rows
from processors.evidence.confidence import LEAST_RISE, deciding
from processors.evidence.findings import TrendFindings
from processors.evidence.signature import KINDS

MOST = 3

_SIGNS = {
    "noise": "its size against what is normal here",
    "fit": "how steadily it follows a line",
    "straight": "how closely it follows a line",
    "taken": "the share of the free room that it took",
    "heading": "whether it heads above the limit",
    "climbing": "whether it still climbs",
    "no step": "whether it is more than one step",
    "load": "whether it grows apart from the load",
    "no fall": "how much it fell on the way up",
    "season": "whether it was there a day or a week before",
    "points": "how many samples show it",
    "lasting": "how long it has lasted",
    "days": "how many days it has lasted",
    "slow": "how slow it is",
    "steady": "whether it never paused",
}


def reasons(findings: TrendFindings, index: int, others: Sequence[tuple[float, str]] = ()) -> list[str]:
    """Return at most three sentences on one sample that grows, strongest first.

    Parameters
    ----------
    others
        More sentences with their weights, such as those on siblings.
    """
    told = sorted([*_said(findings, index), *others], reverse=True)
    return [text for _, text in told[:MOST]]


def turning_points(findings: TrendFindings, rows: Rows) -> list[str]:
    """Return the sign that decided on samples that grow: the weakest criterion of the strongest way."""
    margins = findings.margin.take(rows).tolist()
    signs = zip(margins, deciding(findings.seen.only(rows)), strict=True)
    return [_turning_point(margin, way, _SIGNS[criterion.name]) for margin, (way, criterion) in signs]


def _turning_point(margin: float, way: str, sign: str) -> str:
    return f"{way} growth, decided by {sign}" if margin >= 0 else f"not enough for {way} growth: {sign}"


def _said(findings: TrendFindings, index: int) -> list[tuple[float, str]]:
    """Return sentences with their weights: a logarithm of how far a number is from an everyday one."""
    seen = findings.seen
    rise, strength = float(findings.rise[index]), float(findings.strength[index])
    normal, hours = float(seen.normal[index]), float(findings.window[index]) / 3600.0
    climb, taken, limit = (
        float(seen.fits["slope3"][index]),
        float(seen.taken[index]),
        float(seen.limit[index]),
    )
    grew = f"grew by {size(rise)} ({rise / limit:.1%} of the limit) in {span(hours)}"
    said = [
        (2.0, f"{grew}: {_rate(findings, index)}"),
        (-np.log10(1.001 - strength), f"a line explains {strength:.1%} of the movement"),
        (2.0 * taken, f"took {taken:.0%} of the room that was free before"),
        (climb, f"still climbing: newest quarter at {climb:.0%} of the mean slope"),
    ]
    if normal > LEAST_RISE * limit:
        times = rise / normal
        said.append((float(np.log(times)), f"{times:.1f} times what is normal here ({normal / limit:.1%})"))
    if np.isfinite(findings.eta[index]) and KINDS[int(findings.kind[index])] != "linear":
        said.append((0.5, f"grows like a {KINDS[int(findings.kind[index])]} leak"))
    return said


def _rate(findings: TrendFindings, index: int) -> str:
    seen = float(findings.window[index])
    values = (findings.growth[index], findings.growth_low[index], findings.growth_high[index])
    middle, low, high = (rate(float(value), seen) for value in values)
    return middle if low == high else f"{middle} ({low} to {high})"


def span(hours: float) -> str:
    """Return a length of time in words."""
    if hours < 1.0 / 30.0:
        return f"{3600.0 * hours:.0f} seconds"
    if hours < 2.0:
        return f"{60.0 * hours:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48.0 else f"{hours / 24.0:.1f} days"
