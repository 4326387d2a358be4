"""What each kernel takes: mostly a tuple of contiguous arrays, then numbers; `kernels.h` names its C file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], ...]


class Kernels(Protocol):
    """The compiled module. A kernel checks its arrays before it uses them.

    Raises
    ------
    TypeError
        If an array is of another type.
    ValueError
        If an array is of another length, not contiguous, or read-only where it is written to.
    IndexError
        If a row does not exist, or arrays are missing.
    """

    def calibration(
        self, records: Arrays, level: float, warm_up: float, memory: float, resolution: float, /
    ) -> None: ...

    def ew_stats(self, records: Arrays, features: int, fading_factor: float, /) -> None: ...

    def evidence(self, arrays: Arrays, begin: int, known: int, /) -> tuple[int, int]: ...

    def half_space_trees(
        self, arrays: Arrays, begin: int, features: int, height: int, window_size: int, /
    ) -> int: ...

    def half_space_trees_decode(
        self, arrays: Arrays, payloads: list[bytes], trees: int, height: int, window_size: int, /
    ) -> None: ...

    def half_space_trees_encode(
        self, arrays: Arrays, trees: int, height: int, window_size: int, /
    ) -> list[bytes]: ...

    def half_space_trees_tables(
        self, arrays: Arrays, trees: int, height: int, window_size: int, enough: int, /
    ) -> None: ...

    def page_hinkley(
        self,
        records: Arrays,
        min_instances: float,
        delta: float,
        threshold: float,
        alpha: float,
        up: bool,
        down: bool,
        /,
    ) -> None: ...

    def join_pieces(self, pieces: Sequence[Any], size: int, /) -> list[bytes | None]: ...

    def read_snapshots(
        self,
        arrays: Arrays,
        tag: bytes,
        keys: list[bytes | None],
        values: list[bytes | None],
        known: dict[bytes, int],
        /,
    ) -> None: ...

    def snapshot_texts(
        self, arrays: Arrays, tag: bytes, partition: int, key: bytes | None, value: bytes | None, /
    ) -> bytes | None: ...

    def snarimax(
        self,
        records: Arrays,
        layout: Arrays,
        n_hist: int,
        n_diff: int,
        n_errors: int,
        lr: float,
        intercept_lr: float,
        clip_gradient: float,
        clip_z: float,
        /,
    ) -> None: ...
