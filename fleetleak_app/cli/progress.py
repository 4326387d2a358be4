"""A progress bar on stderr, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_EVERY_SECONDS = 0.2
_WIDE = 40


def clear() -> None:
    """Take the bar away."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def bar(of: str) -> Callable[[float], None]:
    """Return what shows the share that is done of something, such as `12,000 snapshots`.

    All of it ends the bar.
    """
    shown = [time.monotonic()]

    def show(share: float) -> None:
        if not sys.stderr.isatty():
            return
        if share >= 1:
            clear()
            return
        if time.monotonic() - shown[0] < _EVERY_SECONDS:
            return
        shown[0] = time.monotonic()
        done = "#" * int(_WIDE * share)
        print(f"\r[{done:<{_WIDE}}] {share:.0%} of {of}", end="", file=sys.stderr, flush=True)

    return show
