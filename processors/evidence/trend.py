"""The best-fitting newest stretch of an envelope, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LENGTH = 64
SHORTEST = 5

Floats = NDArray[np.float64]


@dataclass
class Fit:
    slope: Floats  # per second
    window: Floats  # seconds
    rise: Floats
    r2: Floats
    points: Floats
    sd: Floats
    rho: Floats
    level: Floats  # fitted value at the newest point
    quarters: Floats  # (n,3) increments between quarter means / seconds? per quarter
    before: Floats  # highest before the stretch
    n_before: Floats
    step: Floats  # largest single increment
    step_r2: Floats
    drawdown: Floats
    onset: Floats
    last: Floats
    quiet: Floats


def fit(low: NDArray[np.float32], at: NDArray[np.float32], size: NDArray[np.int16]) -> Fit:
    n = len(low)
    ar = np.arange(LENGTH)
    m = ar + 1.0
    valid = ar < size[:, None]
    y0 = low[:, :1].astype(float)
    t0 = at[:, :1].astype(float)
    y = np.where(valid, low - y0, 0.0)
    x = np.where(valid, at - t0, 0.0)
    newest = np.maximum(size.astype(np.intp) - 1, 0)
    scale = np.maximum(-np.take_along_axis(x, newest[:, None], 1), 1e-9)
    x = x / scale
    sx, sy = np.cumsum(x, 1), np.cumsum(y, 1)
    sxx, sxy, syy = np.cumsum(x * x, 1), np.cumsum(x * y, 1), np.cumsum(y * y, 1)
    cxx = sxx - sx * sx / m
    cxy = sxy - sx * sy / m
    cyy = syy - sy * sy / m
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = cxy / cxx
        r2 = np.clip(cxy * cxy / (cxx * cyy + 1e-18), 0.0, 1.0)
    purity = -np.log10(1.001 - r2)
    gain = np.where((m >= SHORTEST) & valid & (slope > 0), slope * -x * r2 * purity, -1.0)
    best = np.argmax(gain, 1)
    at1 = lambda a, i=best: np.take_along_axis(a, i[:, None], 1)[:, 0]
    k = best + 1.0
    b, R = at1(slope), at1(r2)
    span = -at1(x)
    ok = at1(gain) > 0
    a = (at1(sy) - b * at1(sx)) / k
    inside = ar <= best[:, None]
    e = np.where(inside, y - a[:, None] - b[:, None] * x, 0.0)
    ee = np.cumsum(e * e, 1)[:, -1]
    rho = np.cumsum(e[:, 1:] * e[:, :-1], 1)[:, -1] / np.maximum(ee, 1e-18)
    sd = np.sqrt(ee / np.maximum(k - 2, 1))
    cut = [np.maximum((k * f).astype(np.intp), 1) - 1 for f in (0.25, 0.5, 0.75)] + [best]
    S = [at1(sy, i) for i in cut]
    X = [at1(sx, i) for i in cut]
    cnt = [i + 1.0 for i in cut]
    qm = [S[0] / cnt[0]] + [(S[i] - S[i - 1]) / np.maximum(cnt[i] - cnt[i - 1], 1) for i in (1, 2, 3)]
    qx = [X[0] / cnt[0]] + [(X[i] - X[i - 1]) / np.maximum(cnt[i] - cnt[i - 1], 1) for i in (1, 2, 3)]
    # slopes between quarter means, oldest first, relative to overall slope
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.stack([(qm[i] - qm[i + 1]) / (qx[i] - qx[i + 1]) / b for i in (2, 1, 0)], 1)
    prior = valid & ~inside & (ar <= 2 * best[:, None])
    before = np.max(np.where(prior, y, -np.inf), 1)
    floor = np.min(np.where(prior, y, np.inf), 1)
    quiet = np.where(np.cumsum(prior, 1)[:, -1] >= 0.4 * k, before - floor, np.inf)
    inc = np.where(inside[:, 1:], y[:, :-1] - y[:, 1:], -np.inf)
    step = inc.max(1)
    z = np.where(inside, y, -np.inf)
    peak = np.maximum.accumulate(z[:, ::-1], 1)[:, ::-1]
    dd = np.where(inside, peak - y, 0.0).max(1)
    tot, tk = at1(sy)[:, None], k[:, None]
    rest = np.maximum(tk - m, 1)
    between = sy * sy / m + (tot - sy) ** 2 / rest - tot * tot / tk
    step_r2 = np.where(m < tk, between, 0.0).max(1) / np.maximum(at1(cyy), 1e-18)
    f = lambda v: np.where(ok, v, 0.0)
    return Fit(
        f(b / scale[:, 0]), f(span * scale[:, 0]), f(b * span), f(R), f(k), f(sd), f(rho), y0[:, 0] + f(a),
        np.where(ok[:, None], q, 0.0), y0[:, 0] + before, size - k, f(step), f(step_r2), f(dd),
        (at1(at.astype(float))), t0[:, 0], quiet,
    )
