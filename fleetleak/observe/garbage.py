"""Settings of Python's garbage collector for roles whose objects live for one batch."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Let the collector run seldom, and never look at the objects that exist now.

    A batch of thousands of records makes hundreds of thousands of objects; reference counting frees nearly
    all of them at its end. With Python's defaults, a fifth of the processor's time went into the search for
    cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
