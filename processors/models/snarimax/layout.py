"""The place of each number in a row of SNARIMAX, and River's differencing as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.time_series.snarimax import Differencer


@dataclass(frozen=True, slots=True)
class Regressor:
    """`StandardScaler | ClipZ(clip_z) | LinearRegression(SGD(lr), intercept_lr, clip_gradient)`."""

    lr: float
    intercept_lr: float
    clip_gradient: float
    clip_z: float


REGRESSORS = {
    "stable": Regressor(lr=0.003, intercept_lr=0.01, clip_gradient=0.05, clip_z=5.0),
    "river-default": Regressor(lr=0.01, intercept_lr=0.01, clip_gradient=1e12, clip_z=np.inf),
}


class Layout:
    """Orders, features and column numbers of a SNARIMAX.

    A row is: records learned, intercept; then the means, the variances and the weights of the features; then
    the newest values of the series (`hist`), of the differenced series (`diff`) and of the errors, each
    newest first.
    """

    def __init__(self, p: int, d: int, q: int, m: int, sp: int, sd: int, sq: int) -> None:
        if min(p, d, q, sp, sd, sq) < 0 or m < 1:
            raise ValueError("orders are not negative, and m is at least 1")
        self.orders = (p, d, q, m, sp, sd, sq)
        differencer: Any = Differencer
        product = differencer(d=d, m=1) * differencer(d=sd, m=m)
        # In River's order of lags, because sums are added in this order.
        self.coefficients: list[tuple[int, int]] = list(product.coeffs.items())
        lags, coefficients = zip(*self.coefficients, strict=True)
        self.terms = np.array(lags, dtype=np.int64), np.array(coefficients, dtype=np.float64)
        seasons_y, seasons_e = range(m - 1, m * sp, m), range(m - 1, m * sq, m)
        self.names = [
            *(f"y-{t + 1}" for t in range(p)),
            *(f"sy-{t + 1}" for t in seasons_y),
            *(f"e-{t + 1}" for t in range(q)),
            *(f"se-{t + 1}" for t in seasons_e),
        ]
        diff_lags, error_lags = [*range(p), *seasons_y], [*range(q), *seasons_e]
        self.lags: NDArray[np.int64] = np.array([t + 1 for t in diff_lags + error_lags], dtype=np.int64)
        self.n_features = n = len(self.names)
        self.n_hist, self.n_diff, self.n_errors = d + m * sd, max(p, m * sp), max(q, m * sq)
        self.mean = slice(2, 2 + n)
        self.variance = slice(2 + n, 2 + 2 * n)
        self.weight = slice(2 + 2 * n, 2 + 3 * n)
        self.hist = slice(2 + 3 * n, 2 + 3 * n + self.n_hist)
        self.diff = slice(self.hist.stop, self.hist.stop + self.n_diff)
        self.errors = slice(self.diff.stop, self.diff.stop + self.n_errors)
        self.width = self.errors.stop
        self.inputs: NDArray[np.intp] = np.array(
            [self.diff.start + t for t in diff_lags] + [self.errors.start + t for t in error_lags],
            dtype=np.intp,
        )
