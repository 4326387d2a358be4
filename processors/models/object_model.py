"""The base of models that keep one River object per row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from processors.columns import Flags, Floats, Rows, StoredRows
from processors.models.base import usable
from processors.models.codec import seal, unseal


class ObjectModel(StoredRows):
    """One River object per row, created at the first record of the row.

    Parameters
    ----------
    capacity
        Number of rows.
    features
        Number of columns of `x`.
    object_bytes
        Size of one object as `nbytes` counts it.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int] = 1
    SCORE_RANGE: ClassVar[tuple[float, float]]
    OBJECT_STATE: ClassVar[bool] = False

    warm_up: int = 0

    def __init__(self, capacity: int, features: int, object_bytes: int) -> None:
        self.features = features
        self.refused = 0
        self._object_bytes = object_bytes
        self._objects: list[Any] = [None] * capacity

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """The parameters that must agree before stored state may be loaded, as readable text."""

    @abstractmethod
    def _new(self) -> Any:
        """Return a new object."""

    @abstractmethod
    def _copy(self, model: Any) -> Any:
        """Return an independent copy of an object."""

    @abstractmethod
    def _observe(self, model: Any, record: list[float], learn: bool) -> float:
        """Return the score of a record. Without `learn` the object is a copy, and may change too."""

    @abstractmethod
    def _encode(self, model: Any) -> bytes:
        """Return the state of an object."""

    @abstractmethod
    def _decode(self, payload: bytes) -> Any:
        """Return the object of a state from `_encode`, or raise CorruptState."""

    def score_learn(
        self, rows: Rows, x: Floats, learn: Flags | None = None, *, fresh: Flags | None = None
    ) -> Floats:
        """Return the score of each record by the state before it; then learn it where `learn` allows.

        Parameters
        ----------
        rows, x, learn
            As in `processors.models.base.Model`.
        fresh
            Where the row is made new just before the record, shape `(B,)`.
        """
        allowed = [True] * len(rows) if learn is None else learn.tolist()
        renewed = [False] * len(rows) if fresh is None else fresh.tolist()
        self.refused += int(len(rows) - usable(x).sum())
        return self._observe_all(rows, x, allowed, renewed)

    def score(self, rows: Rows, x: Floats) -> Floats:
        return self._observe_all(rows, x, [False] * len(rows), [False] * len(rows))

    def _observe_all(self, rows: Rows, x: Floats, learn: list[bool], fresh: list[bool]) -> Floats:
        scores = np.full(len(rows), np.nan)
        records = zip(rows.tolist(), x.tolist(), usable(x).tolist(), learn, fresh, strict=True)
        for i, (row, record, good, learned, renewed) in enumerate(records):
            if renewed:
                self._objects[row] = None
            if good:
                scores[i] = self._observe(self._model(row, learned), record, learned)
        return scores

    def _model(self, row: int, learn: bool) -> Any:
        """Return the object of a row; without `learn`, a copy."""
        model = self._objects[row]
        if model is None:
            model = self._new()
        if not learn:
            return self._copy(model)
        self._objects[row] = model
        return model

    def reset(self, rows: Rows | Iterable[int]) -> None:
        for row in rows:
            self._objects[row] = None

    def grow(self, capacity: int) -> None:
        if capacity < len(self._objects):
            raise ValueError(f"cannot shrink from {len(self._objects)} rows to {capacity}")
        self._objects += [None] * (capacity - len(self._objects))

    def dump_many(self, rows: Rows) -> list[bytes]:
        models = [self._objects[row] for row in rows.tolist()]
        return [seal(b"" if model is None else self._encode(model), self.fingerprint) for model in models]

    def load_each(self, rows: Rows, states: Sequence[bytes]) -> dict[int, ValueError]:
        refusals: dict[int, ValueError] = {}
        for at, (row, state) in enumerate(zip(rows.tolist(), states, strict=True)):
            self._objects[row] = None
            try:
                if payload := unseal(state, self.fingerprint):
                    self._objects[row] = self._decode(payload)
            except ValueError as refusal:
                refusals[at] = refusal
        return refusals

    def copy_of(self, row: int) -> Any:
        """Return a copy of the object of a row; a new one where the row is new."""
        model = self._objects[row]
        return self._new() if model is None else self._copy(model)

    def continue_from(self, row: int, model: Any) -> None:
        """Continue a row from a copy of an object."""
        self._objects[row] = self._copy(model)

    def nbytes(self) -> int:
        return len(self._objects) * (8 + self._object_bytes)


def to_river(fleet: ObjectModel, row: int) -> Any:
    """Return a copy of the River object of a row."""
    return fleet.copy_of(row)


def from_river(fleet: ObjectModel, row: int, model: Any) -> None:
    """Continue a row from a copy of a River object.

    Raises
    ------
    ValueError
        If its class or its parameters are not those of the fleet.
    """
    fleet.continue_from(row, model)
