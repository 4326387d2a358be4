"""What each kernel takes: a tuple of contiguous arrays, then numbers. The C file of that name says more."""

from __future__ import annotations

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

    def half_space_trees(
        self, arrays: Arrays, begin: int, features: int, height: int, window_size: int, /
    ) -> int: ...

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
