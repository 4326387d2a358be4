"""The state of River's ADWIN as documented numbers, and River's object rebuilt from them.

River keeps the window in Rust, and returns its state only as bytes: parameters, eight running numbers, and
for each level of the histogram up to `max_buckets` buckets of a sum and a variance. Other bytes can make
River panic, so River only gets numbers that were checked.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from river import drift

from processors.models.codec import CorruptState

_PARAMETERS = struct.Struct("<dIQdd")  # delta, clock, max_buckets, min_window_length, grace_period
_RUNNING = struct.Struct("<ddddIIII")  # total, variance, width, total_width; buckets, peak, ticks, flags
_COUNT = struct.Struct("<Q")
_COUNTS = struct.Struct("<QQQ")  # max_buckets, buckets, padding
_TAIL = struct.Struct("<dIQII")  # the parameters once more, as integers
_MAX_LEVELS = 48  # a window of 2**48 records
_NUMBER = 8  # bytes of a sum or a variance
_LEVELS_AT = _PARAMETERS.size + _RUNNING.size
_STORED_AT = 2 + _RUNNING.size  # behind flag and number of levels


def parameters(model: drift.ADWIN) -> tuple[float, int, int, int, int]:
    """Return the parameters in the order of River's constructor."""
    return model.delta, model.clock, model.max_buckets, model.min_window_length, model.grace_period


class _Form(NamedTuple):
    """The bytes of River's state that depend on the parameters alone.

    Parameters
    ----------
    head, tail
        In front of the running numbers, and behind the last level.
    padding
        How many sums and how many variances a level has a place for.
    places
        `padding` itself, in front of the variances of a level.
    levels
        By the number of buckets of a level: its counts, and the zeros behind its sums.
    """

    head: bytes
    tail: bytes
    padding: int
    places: bytes
    levels: list[tuple[bytes, bytes]]

    @property
    def level_bytes(self) -> int:
        """Size of a level, in bytes: three counts, sums, a count, variances."""
        return 4 * _COUNT.size + 2 * _NUMBER * self.padding


@lru_cache(maxsize=16)
def _form(delta: float, clock: int, max_buckets: int, min_window_length: int, grace_period: int) -> _Form:
    padding = max_buckets + 1
    return _Form(
        _PARAMETERS.pack(delta, clock, max_buckets, float(min_window_length), float(grace_period)),
        _TAIL.pack(delta, clock, max_buckets, min_window_length, grace_period),
        padding,
        _COUNT.pack(padding),
        [
            (_COUNTS.pack(max_buckets, used, padding), bytes(_NUMBER * (padding - used)))
            for used in range(padding)
        ],
    )


def encode(model: drift.ADWIN) -> bytes:
    """Return flag, number of levels, running numbers, then for each level a count, sums and variances."""
    state = model._helper.__getstate__()  # noqa: SLF001 River has no other access
    form = _form(*parameters(model))
    levels = state[_LEVELS_AT]
    pieces = [bytes((model.drift_detected, levels)), state[_PARAMETERS.size : _LEVELS_AT]]
    at = _LEVELS_AT + _COUNT.size
    for begin in range(at, at + levels * form.level_bytes, form.level_bytes):
        used = state[begin + _COUNT.size]
        sums = begin + 3 * _COUNT.size
        variances = sums + _NUMBER * form.padding + _COUNT.size
        size = _NUMBER * used
        pieces += (bytes((used,)), state[sums : sums + size], state[variances : variances + size])
    return b"".join(pieces)


def decode(payload: bytes, model: drift.ADWIN) -> None:
    """Put a state from `encode` into a new detector of the same parameters.

    Raises
    ------
    CorruptState
        If the numbers cannot be those of an ADWIN window.
    """
    form = _form(*parameters(model))
    try:
        flag, levels = payload[0], payload[1]
        running = _RUNNING.unpack_from(payload, 2)
        used, histogram = _histogram(payload, levels, form)
    except (struct.error, IndexError):
        raise CorruptState("the ADWIN state ends early") from None
    _check(flag, running, used, histogram)
    state = b"".join((form.head, payload[2:_STORED_AT], _COUNT.pack(levels), histogram, form.tail))
    model._helper.__setstate__(state)  # noqa: SLF001 River has no other access
    model._drift_detected = bool(flag)  # noqa: SLF001


def _histogram(payload: bytes, levels: int, form: _Form) -> tuple[list[int], bytes]:
    """Return the number of buckets of each level, and the levels as River has them."""
    used: list[int] = []
    pieces: list[bytes] = []
    at = _STORED_AT
    for _ in range(levels):
        buckets = payload[at]
        if buckets >= form.padding:
            raise CorruptState("the ADWIN state has levels that cannot be")
        sums = at + 1
        variances = sums + _NUMBER * buckets
        at = variances + _NUMBER * buckets
        counts, rest = form.levels[buckets]
        used.append(buckets)
        pieces += (counts, payload[sums:variances], rest, form.places, payload[variances:at], rest)
    if at > len(payload):
        raise IndexError
    if at < len(payload):
        raise CorruptState("the ADWIN state has bytes left over")
    return used, b"".join(pieces)


def _check(flag: int, running: tuple[Any, ...], used: list[int], histogram: bytes) -> None:
    if flag > 1 or not 1 <= len(used) <= _MAX_LEVELS:
        raise CorruptState("the ADWIN state has levels that cannot be")
    # As floats, the counts of the histogram are finite, too.
    finite = np.logical_and.reduce(np.isfinite(np.frombuffer(histogram, "<f8")))
    if not (finite and math.isfinite(sum(running[:4]))):
        raise CorruptState("the ADWIN state has numbers that are not finite")
    width = 0
    for level, count in enumerate(used):
        width += count << level
    if running[2] != width or running[6] < width or running[4] < sum(used) or (width and not used[-1]):
        raise CorruptState("the ADWIN state does not agree on the window's width")
