"""Which change of a start time is a restart."""

from __future__ import annotations

import numpy as np
import pytest

from processors.place.rates import is_new_run

DAY = 86400.0
NOW = 1.79e9


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        (NOW - DAY, NOW + 20.0, True),  # it started after the newest snapshot
        (NOW - DAY, NOW - 20.0, True),  # the same, by a clock that is somewhat slow
        (NOW - DAY, NOW - DAY, False),
        (NOW - DAY, NOW - DAY + 0.01, False),
        (NOW - DAY, NOW - DAY + 1.0, False),
        (NOW - DAY, NOW - DAY - 1.0, False),
        (NOW - DAY, NOW - DAY + 3600.0, False),  # the clock was put forward, and the boot time read anew
        (NOW - DAY, NOW - DAY - 3600.0, False),  # back
        (NOW - DAY, NOW - 7200.0, False),  # another process stands for the group now; it was there before
        (NOW - 7200.0, NOW - DAY, False),
        (None, NOW - DAY, False),
        (NOW - DAY, None, False),
    ],
)
def test_only_a_start_after_the_newest_snapshot_is_a_restart(
    before: float | None, now: float | None, new: bool
) -> None:
    start_times = (np.array([np.nan if time is None else time]) for time in (before, now))
    assert is_new_run(np.array([NOW]), *start_times).tolist() == [new]
