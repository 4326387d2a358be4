"""Coroot's memory-leak inspection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case, Floats
from fleetleak_app.evaluation.rivals.base import HOUR, MINUTE, Indices, Lines, held, transitions


@dataclass(slots=True)
class Coroot:
    """The rule Coroot ships since April 2026 [1]_.

    Over a window of 1 h: at least 80 % of the samples; the longest run between drops of more than half
    (restarts) must hold a third of the window and ten samples; its line must rise, its last quarter (at
    least 15 min) at 0.3 of that rate or more, by at least 5 % of the limit an hour; alert when the growth is
    more than 10 % an hour of what was in use an hour ago, for 15 min.

    `samples` instead of `window` scales the window to the scrape interval, for series scraped more seldom
    than the 15 s to 1 min that the rule is made for.

    Do not use it for leaks slower than 5 % of the limit an hour.

    .. [1] coroot/coroot, docs/docs/inspections/memory.md at 4e58ff3.
    """

    NAME: str
    window: float = HOUR
    samples: int = 0
    hold: float = 15 * MINUTE

    def alerts(self, case: Case) -> list[Alert]:
        if len(case.times) < 2:
            return []
        window = max(self.window, self.samples * case.step)
        lines = Lines(case.times, case.fraction)
        begin, end = longest_runs(case, window)
        tail = max(0.25, 15 * MINUTE / window)
        tail_begin = np.searchsorted(case.times, case.times - tail * window, side="right")
        run, last = lines.fit(begin, end), lines.fit(np.clip(tail_begin, begin, end), end)
        now = run.at(lines.hours)
        growth, before = run.slope, now - run.slope
        dense = _samples_in(case.times, window) >= 0.8 * window / case.step
        long = (end - begin >= 10) & (case.times[end - 1] - case.times[begin] >= window / 3)
        climbing = (growth >= 0.05) & (last.slope >= 0.3 * growth)
        firing = held(case.times, dense & long & climbing & (growth > 0.1 * before), self.hold)
        return transitions(case.series, case.times, firing)


def _samples_in(times: Floats, window: float) -> Indices:
    return np.arange(1, len(times) + 1) - np.searchsorted(times, times - window, side="right")


def longest_runs(case: Case, window: float) -> tuple[Indices, Indices]:
    """Return where the longest run between restarts begins and ends, for the window up to each sample."""
    n = len(case.times)
    begin, end = np.searchsorted(case.times, case.times - window, side="right"), np.arange(1, n + 1)
    drops = np.flatnonzero(case.used[1:] < 0.5 * case.used[:-1]) + 1
    for i in _windows_with_a_drop(begin, drops):
        cuts = [begin[i], *drops[(drops > begin[i]) & (drops <= i)], end[i]]
        longest = int(np.argmax(np.diff(cuts)))
        begin[i], end[i] = cuts[longest], cuts[longest + 1]
    return begin, end


def _windows_with_a_drop(begin: Indices, drops: Indices) -> Indices:
    index = np.arange(len(begin))
    inside = np.searchsorted(drops, index, side="right") - np.searchsorted(drops, begin, side="right")
    return np.flatnonzero(inside > 0)
