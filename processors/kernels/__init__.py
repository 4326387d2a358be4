"""The compiled kernels: steps that are sequential per series, record by record, in C.

Each kernel does what a part in numpy does, with the same bytes (tests/kernels), so it can be missing. The
part asks `compiled()` at each batch. docs/adr/0016 says why there are kernels, and what they must do.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from processors.kernels.protocol import Kernels


def _load() -> Any:
    try:
        return importlib.import_module("processors.kernels._compiled")
    except ImportError:  # installed without a C compiler
        return None


_module: Kernels | None = _load()
_use = True


def available() -> bool:
    """Return whether the kernels were compiled when the package was installed."""
    return _module is not None


def compiled() -> Kernels | None:
    """Return the kernels; None where the parts in numpy are to be used."""
    return _module if _use else None


@contextmanager
def without() -> Iterator[None]:
    """Use the parts in numpy meanwhile, in the whole process: for tests, and to measure what kernels gain."""
    global _use
    before, _use = _use, False
    try:
        yield
    finally:
        _use = before
