"""Programs that keep memory in the ways that Python programs do: python.py NAME MODE WELL_SECONDS.

Each does the same work four times a second. After WELL_SECONDS the leaking modes begin to keep some, and say
so with one line on stdout.

exponential  what is kept is worked on again, and each time leaves a share of itself
periodic     requests come in bursts which leak; in the quiet between them a quarter is given back
cache        a cache of results that fills to its bound
batch        a job every ninety seconds takes much, works, and gives it back
warm-up      tables are loaded for a minute, then nothing more
"""

from __future__ import annotations

import contextlib
import ctypes
import random
import sys
import time
from collections.abc import Callable

KIB = 1024
MIB = 1024 * KIB
TICK_SECONDS = 0.25
_PR_SET_NAME = 15
Kept = list[bytearray]


def filled(size_bytes: float) -> bytearray:
    """Give memory that was written, not only reserved."""
    return bytearray(b"x") * int(size_bytes)


def exponential(kept: Kept, leaking_seconds: float) -> None:
    """Keep a share of what is kept."""
    if leaking_seconds >= 0:
        held_bytes = sum(map(len, kept)) or 3 * MIB
        kept.append(filled(held_bytes * 0.0015 if kept else held_bytes))


def periodic(kept: Kept, leaking_seconds: float) -> None:
    """Keep in a burst, and give some back in the quiet after it."""
    if leaking_seconds < 0:
        return
    if leaking_seconds % 110 < 55:
        kept.append(filled(160 * KIB))
    elif random.random() < 0.25:
        kept.pop()


def cache(kept: Kept, leaking_seconds: float) -> None:
    """Look up one of a bounded number of keys: the more are held, the fewer are new."""
    if random.randrange(320) >= len(kept):
        kept.append(filled(256 * KIB))


def batch(kept: Kept, leaking_seconds: float) -> None:
    """Take for five seconds, work for twenty, give all back."""
    at_seconds = time.monotonic() % 90
    if at_seconds < 25 and len(kept) < 80:
        kept.extend(filled(MIB) for _ in range(4))
    if at_seconds >= 25:
        kept.clear()


def warm_up(kept: Kept, leaking_seconds: float) -> None:
    """Load tables until all are there."""
    if len(kept) < 260:
        kept.append(filled(256 * KIB))


LEAKING: dict[str, Callable[[Kept, float], None]] = {"exponential": exponential, "periodic": periodic}
MODES = LEAKING | {"cache": cache, "batch": batch, "warm-up": warm_up}


def main(name: str, mode: str, well_seconds: float) -> None:
    """Run until killed, or until memory runs out."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())
    random.seed(7)
    begins, told = time.monotonic() + well_seconds, mode not in LEAKING
    kept: Kept = []
    while True:
        filled(2 * MIB * random.random())
        leaking_seconds = time.monotonic() - begins
        if leaking_seconds >= 0 and not told:
            told = True
            print(f"{time.time():.3f}", flush=True)
        MODES[mode](kept, leaking_seconds)
        time.sleep(TICK_SECONDS)


if __name__ == "__main__":
    with contextlib.suppress(MemoryError, KeyboardInterrupt):
        main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
