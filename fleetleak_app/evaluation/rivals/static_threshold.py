"""A plain threshold on the share of memory in use."""

from __future__ import annotations

from dataclasses import dataclass

from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case
from fleetleak_app.evaluation.rivals.base import MINUTE, held, transitions


@dataclass(slots=True)
class StaticThreshold:
    """More than `share` of the total in use for `hold` seconds, as everybody's first alert rule says.

    Do not use it where early warning matters, or for leaks that never come near the limit.
    """

    NAME: str
    share: float
    hold: float = 15 * MINUTE

    def alerts(self, case: Case) -> list[Alert]:
        firing = held(case.times, case.fraction > self.share, self.hold)
        return transitions(case.series, case.times, firing)
