"""Python's own garbage collection, set for roles that make many objects which live for one batch."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Look for cycles seldom, and never among what is loaded now.

    A batch of thousands of records makes objects by the hundred thousand, nearly all freed by their
    reference counts at its end. With Python's defaults a fifth of the processor's time went into looking
    for cycles among them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
