"""Why, in words."""

from __future__ import annotations

from processors.evidence.engine import Findings


def reasons(found: Findings, row: int, basis: int) -> list[str]:
    """Give at most three reasons, strongest first, with their numbers."""
    rise = float(found.rise[row]) * basis / 2**20
    return [f"rose {rise:.1f} MiB in {float(found.window[row]):.0f} s"]
