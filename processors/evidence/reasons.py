"""Why, in words: the strongest evidence with its numbers, and what would have changed the verdict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from processors.evidence.confidence import FLOOR, Seen, limits
from processors.evidence.engine import Findings
from processors.evidence.signature import KINDS

MOST = 3

_TURNING = {
    "noise": "a rise no larger than what is normal here",
    "fit": "a growth less steady about its line",
    "straight": "a growth less exactly on its line",
    "room": "a rise that took less of the free room",
    "heading": "a growth slowing down towards a level below the limit",
    "climbing": "a newest quarter that no longer climbs",
    "no step": "a rise that one step explains",
    "load": "a load that explains the growth as well as time does",
    "no fall": "a larger fall on the way up",
    "season": "the same memory at the same time a day or a week before",
    "points": "fewer points",
    "lasting": "a growth that has not lasted as long",
    "days": "a growth over fewer days",
    "slow": "a faster growth, which is held to other signs",
    "steady": "a quarter without growth",
}


def reasons(findings: Findings, index: int, others: Sequence[tuple[float, str]] = ()) -> list[str]:
    """Give at most three sentences for one sample, strongest first; none where nothing grows.

    Parameters
    ----------
    others
        More sentences with their weights, such as of siblings.
    """
    if not np.isfinite(findings.margin[index]):
        return []
    seen = findings.seen.only(np.array([index]))
    told = sorted([*_said(findings, index, seen), *others], reverse=True)
    return [text for _, text in told[:MOST]]


def turning_point(findings: Findings, index: int) -> str:
    """Name the sign that decides: what would have changed the verdict, or what is missing for one."""
    if not np.isfinite(findings.margin[index]):
        return "nothing grows"
    deciding, names, _ = limits(findings.seen.only(np.array([index])))
    way, criterion = names[int(deciding[0])]
    if findings.margin[index] >= 0:
        return f"{way} growth; would not count with {_TURNING[criterion.name]}"
    return f"closest to {way} growth; against it: {_TURNING[criterion.name]}"


def _said(findings: Findings, index: int, seen: Seen) -> list[tuple[float, str]]:
    """Each sentence with its weight, a logarithm of how far the number is from an everyday one."""
    fit = seen.fits[0]
    rise, strength = float(findings.rise[index]), float(findings.strength[index])
    normal, hours = float(seen.normal[0]), float(findings.window[index]) / 3600.0
    climb, room, limit = float(fit["slope3"]), float(seen.share[0]), float(seen.limit[0])
    said = [
        (2.0, f"grew by {rise / limit:.1%} of the limit in {span(hours)}: {_rate(findings, index, limit)}"),
        (-np.log10(1.001 - strength), f"a line explains {strength:.1%} of the movement"),
        (2.0 * room, f"took {room:.0%} of the room that was free before"),
        (climb, f"still climbing: newest quarter at {climb:.0%} of the mean slope"),
    ]
    if normal > FLOOR * limit:
        times = rise / normal
        said.append((float(np.log(times)), f"{times:.1f} times what is normal here ({normal / limit:.1%})"))
    if np.isfinite(findings.eta[index]) and KINDS[int(findings.kind[index])] != "linear":
        said.append((0.5, f"grows like a {KINDS[int(findings.kind[index])]} leak"))
    return said


def _rate(findings: Findings, index: int, limit: float) -> str:
    values = (findings.growth[index], findings.growth_low[index], findings.growth_high[index])
    rate, low, high = (3600.0 * float(value) / limit for value in values)
    return f"{rate:.2%} an hour ({low:.2%} to {high:.2%})"


def span(hours: float) -> str:
    """Give a length of time in words."""
    if hours < 1.0 / 30.0:
        return f"{3600.0 * hours:.0f} seconds"
    if hours < 2.0:
        return f"{60.0 * hours:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48.0 else f"{hours / 24.0:.1f} days"
