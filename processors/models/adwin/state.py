"""The state of River's ADWIN as documented numbers, and River's object rebuilt from them.

River keeps the window in Rust, and returns its state only as bytes: parameters, eight running numbers, and
for each level of the histogram up to `max_buckets` buckets of a sum and a variance. Other bytes can make
River panic, so River only gets numbers that were checked.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from river import drift

from processors.models.codec import CorruptState

_PARAMETERS = struct.Struct("<dIQdd")  # delta, clock, max_buckets, min_window_length, grace_period
_RUNNING = struct.Struct("<ddddIIII")  # total, variance, width, total_width; buckets, peak, ticks, flags
_LEVELS = struct.Struct("<Q")
_TAIL = struct.Struct("<dIQII")  # the parameters once more, as integers
_MAX_LEVELS = 48  # a window of 2**48 records


def parameters(model: drift.ADWIN) -> tuple[float, int, int, int, int]:
    """Return the parameters in the order of River's constructor."""
    return model.delta, model.clock, model.max_buckets, model.min_window_length, model.grace_period


def _level(max_buckets: int) -> struct.Struct:
    return struct.Struct(f"<QQQ{max_buckets + 1}dQ{max_buckets + 1}d")


def encode(model: drift.ADWIN) -> bytes:
    """Return flag, number of levels, running numbers, then for each level a count, sums and variances."""
    state = model._helper.__getstate__()  # noqa: SLF001 River has no other access
    running = _RUNNING.unpack_from(state, _PARAMETERS.size)
    at = _PARAMETERS.size + _RUNNING.size
    (levels,) = _LEVELS.unpack_from(state, at)
    level, size = _level(model.max_buckets), model.max_buckets + 1
    pieces = [struct.pack("<BB", model.drift_detected, levels), _RUNNING.pack(*running)]
    for begin in range(at + _LEVELS.size, at + _LEVELS.size + levels * level.size, level.size):
        _, used, _, *numbers = level.unpack_from(state, begin)
        buckets = numbers[:used] + numbers[size + 1 : size + 1 + used]
        pieces.append(struct.pack(f"<B{2 * used}d", used, *buckets))
    return b"".join(pieces)


def decode(payload: bytes, model: drift.ADWIN) -> None:
    """Put a state from `encode` into a new detector of the same parameters.

    Raises
    ------
    CorruptState
        If the numbers cannot be those of an ADWIN window.
    """
    try:
        flag, levels = struct.unpack_from("<BB", payload)
        running = _RUNNING.unpack_from(payload, 2)
        buckets = _read_levels(payload, 2 + _RUNNING.size, levels)
    except struct.error:
        raise CorruptState("the ADWIN state ends early") from None
    _check(flag, running, buckets, model.max_buckets)
    delta, clock, max_buckets, min_window_length, grace_period = parameters(model)
    level, padding = _level(max_buckets), max_buckets + 1
    pieces = [
        _PARAMETERS.pack(delta, clock, max_buckets, float(min_window_length), float(grace_period)),
        _RUNNING.pack(*running),
        _LEVELS.pack(levels),
    ]
    for numbers in buckets:
        used = len(numbers) // 2
        rest = [0.0] * (padding - used)
        sums, variances = [*numbers[:used], *rest], [*numbers[used:], *rest]
        pieces.append(level.pack(max_buckets, used, padding, *sums, padding, *variances))
    pieces.append(_TAIL.pack(delta, clock, max_buckets, min_window_length, grace_period))
    model._helper.__setstate__(b"".join(pieces))  # noqa: SLF001 River has no other access
    model._drift_detected = bool(flag)  # noqa: SLF001


def _read_levels(payload: bytes, at: int, levels: int) -> list[tuple[float, ...]]:
    read = []
    for _ in range(levels):
        (used,) = struct.unpack_from("<B", payload, at)
        read.append(struct.unpack_from(f"<{2 * used}d", payload, at + 1))
        at += 1 + 16 * used
    if at != len(payload):
        raise CorruptState("the ADWIN state has bytes left over")
    return read


def _check(flag: int, running: tuple[Any, ...], buckets: list[tuple[float, ...]], max_buckets: int) -> None:
    used = [len(numbers) // 2 for numbers in buckets]
    numbers = [*running[:4], *(number for level in buckets for number in level)]
    if flag > 1 or not 1 <= len(used) <= _MAX_LEVELS or max(used) > max_buckets:
        raise CorruptState("the ADWIN state has levels that cannot be")
    if not all(map(math.isfinite, numbers)):
        raise CorruptState("the ADWIN state has numbers that are not finite")
    width = sum(count << level for level, count in enumerate(used))
    if running[2] != width or running[6] < width or running[4] < sum(used) or (width and not used[-1]):
        raise CorruptState("the ADWIN state does not agree on the window's width")
