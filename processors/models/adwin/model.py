"""ADWIN: whether the mean of a series has changed; one River detector per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from river import drift

from processors.columns import Floats, Rows
from processors.models.adwin import state
from processors.models.base import usable
from processors.models.object_model import ObjectModel

_OBJECT_BYTES = 2_000  # 1,352 resident with windows of a thousand records, growing with their logarithm


class ADWIN(ObjectModel):
    """1 where a record raises the change flag, else 0, by `river.drift.ADWIN` [1]_ itself.

    River's ADWIN is small and takes 0.2 us per record, so each row keeps one. Only its stored state is ours:
    numbers. The flag includes the record; `score` returns whether it would be raised.

    Do not use it to find a slow trend: a trend is a change at all times. It compares means, so it does not
    see a change of the spread alone.

    Parameters
    ----------
    capacity
        Number of rows.
    delta, clock, max_buckets, min_window_length, grace_period
        As in River.

    References
    ----------
    .. [1] Bifet and Gavalda. Learning from time-changing data with adaptive windowing. SDM 2007.

    Examples
    --------
    >>> x = np.repeat([[0.1], [0.9]], 100, axis=0)
    >>> flags = ADWIN(1, clock=1).score_learn(np.zeros(200, dtype=np.intp), x)
    >>> int(flags.argmax())
    118
    """

    NAME: ClassVar[str] = "adwin"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __init__(
        self,
        capacity: int,
        *,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        grace_period: int = 10,
    ) -> None:
        if not 1 <= max_buckets <= 255:
            raise ValueError(f"max_buckets is {max_buckets}; 1 to 255 is supported")
        self.parameters = (delta, clock, max_buckets, min_window_length, grace_period)
        super().__init__(capacity, 1, _OBJECT_BYTES)
        # By row, the compiled part of the update of an object that raised no flag at its newest value.
        self._updates: dict[int, Callable[[float], bool]] = {}

    @cached_property
    def fingerprint(self) -> str:
        delta, clock, max_buckets, min_window_length, grace_period = self.parameters
        return (
            f"{self.NAME}/{self.VERSION} delta={delta} clock={clock} max_buckets={max_buckets} "
            f"min_window_length={min_window_length} grace_period={grace_period}"
        )

    def means(self, rows: Rows) -> Floats:
        """Return the mean of the window of each row, shape `(B,)`; 0 for a new row."""
        detectors = (self._objects[row] for row in rows.tolist())
        return np.array([0.0 if detector is None else detector.estimation for detector in detectors])

    def _new(self) -> drift.ADWIN:
        return drift.ADWIN(*self.parameters)  # type: ignore[no-untyped-call]

    def _copy(self, model: drift.ADWIN) -> drift.ADWIN:
        return self._decode(self._encode(model))

    def _observe_all(self, rows: Rows, x: Floats, learn: list[bool], fresh: list[bool]) -> Floats:
        if not all(learn) or not usable(x).all():
            self._updates.clear()
            return super()._observe_all(rows, x, learn, fresh)
        # The same as River's `update`, without the three calls around its compiled part.
        flags, known = [], self._updates.get
        for row, value, renewed in zip(rows.tolist(), x[:, 0].tolist(), fresh, strict=True):
            update = known(row)
            if update is None or renewed:
                flags.append(self._update_whole(row, value, renewed))
            elif flag := update(value):
                self._objects[row]._drift_detected = True  # noqa: SLF001 River has no batch
                del self._updates[row]
                flags.append(flag)
            else:
                flags.append(False)
        return np.array(flags, dtype=np.float64)

    def _update_whole(self, row: int, value: float, renewed: bool) -> bool:
        """Learn a value by River's own update, and note its compiled part for the next values."""
        model = self._objects[row]
        if model is None or renewed:
            model = self._objects[row] = self._new()
        model.update(value)
        flag: bool = model.drift_detected
        if flag:  # the next update makes the window new
            self._updates.pop(row, None)
        else:
            self._updates[row] = model._helper.update  # noqa: SLF001 River has no batch
        return flag

    def reset(self, rows: Rows | Iterable[int]) -> None:
        rows = list(rows)
        for row in rows:
            self._updates.pop(row, None)
        super().reset(rows)

    def load_each(self, rows: Rows, states: Sequence[bytes]) -> dict[int, ValueError]:
        for row in rows.tolist():
            self._updates.pop(row, None)
        return super().load_each(rows, states)

    def _observe(self, model: drift.ADWIN, record: list[float], learn: bool) -> float:
        model.update(record[0])  # type: ignore[no-untyped-call]
        return float(model.drift_detected)

    def _encode(self, model: drift.ADWIN) -> bytes:
        return state.encode(model)

    def _decode(self, payload: bytes) -> drift.ADWIN:
        model = self._new()
        state.decode(payload, model)
        return model

    def continue_from(self, row: int, model: drift.ADWIN) -> None:
        """Continue a row from a copy of a River detector.

        Raises
        ------
        ValueError
            If its parameters are others.
        """
        if state.parameters(model) != self.parameters:
            raise ValueError("the River detector has other parameters")
        self._updates.pop(row, None)
        super().continue_from(row, model)
