"""Page-Hinkley test: whether the mean of a series has moved."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import numpy as np
from river import drift

from processors.columns import Floats
from processors.kernels.protocol import Arrays, Kernels
from processors.models.column_model import ColumnModel

_MODES = ("up", "down", "both")


class PageHinkley(ColumnModel):
    """1 where a record raises the change flag, else 0; flags are those of `river.drift.PageHinkley` [1]_.

    Unlike other scores, the flag includes the record itself; `score` returns whether it would be raised.
    After a flag the test starts anew.

    Do not use it with thresholds of another scale than the values. `delta` and `threshold` have their unit,
    and River's defaults never raise a flag on shares of a limit. The test does not see a change that is
    undone before the sum reaches `threshold`.

    Parameters
    ----------
    capacity
        Number of rows.
    min_instances, delta, threshold, alpha, mode
        As in River.

    References
    ----------
    .. [1] Page. Continuous inspection schemes. Biometrika 41, 1954.

    Examples
    --------
    >>> test = PageHinkley(1, min_instances=3, threshold=1.0)
    >>> test.score_learn(np.zeros(6, dtype=np.intp), np.array([[0.0]] * 4 + [[2.0]] * 2))
    array([0., 0., 0., 0., 1., 0.])
    """

    NAME: ClassVar[str] = "page_hinkley"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __init__(
        self,
        capacity: int,
        *,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 1 - 0.0001,
        mode: str = "both",
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"mode {mode!r} is not one of {', '.join(_MODES)}")
        self.min_instances = min_instances
        self.delta = delta
        self.threshold = threshold
        self.alpha = alpha
        self.mode = mode
        super().__init__(capacity, 1, 7)

    def _parameters(self) -> str:
        return (
            f"min_instances={self.min_instances} delta={self.delta} threshold={self.threshold} "
            f"alpha={self.alpha} mode={self.mode}"
        )

    def _step(self, state: Floats, x: Floats) -> tuple[Floats, Floats]:
        n, mean, up, down, lowest, highest, _ = np.where(state[6] > 0, 0.0, state)
        # The sums of a new test start at infinity and at -1; a new row has zeros.
        lowest, highest = np.where(n > 0, lowest, np.inf), np.where(n > 0, highest, -1.0)
        n = n + 1
        mean = mean + 1.0 / n * (x[0] - mean)
        deviation = x[0] - mean
        up = self.alpha * up + deviation - self.delta
        down = self.alpha * down + deviation + self.delta
        # Not np.minimum and np.maximum: of +0 and -0 they take another one on another processor.
        lowest, highest = np.where(up < lowest, up, lowest), np.where(down > highest, down, highest)
        flag = self._test(up - lowest, highest - down) & (n >= self.min_instances)
        flags = flag.astype(np.float64)
        return flags, np.stack([n, mean, up, down, lowest, highest, flags])

    def _compiled(self, kernels: Kernels, records: Arrays) -> bool:
        modes = self.mode != "down", self.mode != "up"
        kernels.page_hinkley(records, self.min_instances, self.delta, self.threshold, self.alpha, *modes)
        return True

    def _test(self, increase: Any, decrease: Any) -> Any:
        if self.mode == "up":
            return increase > self.threshold
        if self.mode == "down":
            return decrease > self.threshold
        return (increase > self.threshold) | (decrease > self.threshold)


def to_river(fleet: PageHinkley, row: int) -> drift.PageHinkley:
    """Return the River detector that continues like a row."""
    model: Any = drift.PageHinkley(fleet.min_instances, fleet.delta, fleet.threshold, fleet.alpha, fleet.mode)
    n, mean, up, down, lowest, highest, flag = fleet.numbers(row)
    if n:
        model._x_mean.n, model._x_mean._mean = n, mean  # noqa: SLF001 River has no setter
        model._sum_increase, model._sum_decrease = up, down  # noqa: SLF001
        model._min_increase, model._max_decrease = lowest, highest  # noqa: SLF001
        model._drift_detected = bool(flag)  # noqa: SLF001
    return cast(drift.PageHinkley, model)


def from_river(fleet: PageHinkley, row: int, model: drift.PageHinkley) -> None:
    """Continue a row from a River detector.

    Raises
    ------
    ValueError
        If its parameters are others.
    """
    theirs = model.min_instances, model.delta, model.threshold, model.alpha, model.mode
    if theirs != (fleet.min_instances, fleet.delta, fleet.threshold, fleet.alpha, fleet.mode):
        raise ValueError("the River detector has other parameters")
    mean = model._x_mean  # noqa: SLF001 River has no getter
    sums = model._sum_increase, model._sum_decrease  # noqa: SLF001
    extremes = model._min_increase, model._max_decrease  # noqa: SLF001
    flag = float(model.drift_detected)
    fleet.set_numbers(row, [mean.n, mean.get(), *sums, *extremes, flag] if mean.n else [0.0] * 7)
