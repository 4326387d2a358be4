"""The classes and functions that stored state of River objects may name: River's models and builtins."""

from __future__ import annotations

import sys
import types
from typing import Any

from processors.models.clip_z import ClipZ
from processors.models.codec import CorruptState

_BUILTINS = {cls.__name__: cls for cls in (bool, int, float, str, tuple, list, dict, set)}
_OURS = {f"{ClipZ.__module__}:{ClipZ.__qualname__}": ClipZ}
_FUNCTIONS = "river.utils.math"  # distances of the neighbour models
_PACKAGES = frozenset({
    "anomaly", "base", "cluster", "compose", "covariance", "drift", "linear_model", "misc", "neighbors",
    "optim", "preprocessing", "proba", "sketch", "stats", "time_series", "tree", "utils", "_river_rust",
})  # fmt: skip


def name_of(item: Any) -> str:
    """Return the name under which a class or function is stored.

    Raises
    ------
    TypeError
        If it may not be stored.
    """
    name = item.__name__ if item in _BUILTINS.values() else f"{item.__module__}:{item.__qualname__}"
    try:
        known = named(name)
    except CorruptState:
        known = None
    if known is not item:
        raise TypeError(f"{item.__module__}.{item.__qualname__} cannot be stored without pickle")
    return name


def named(name: str) -> Any:
    """Return the class or function of a name; nothing is imported for it.

    Raises
    ------
    CorruptState
        If there is no such name, or it may not be used.
    """
    known = _BUILTINS.get(name) or _OURS.get(name)
    if known is not None:
        return known
    module, _, qualname = name.partition(":")
    item = vars(_module(module)).get(qualname)
    function = isinstance(item, types.FunctionType) and module == _FUNCTIONS
    if not (function or isinstance(item, type)) or item.__module__ != module:
        raise CorruptState(f"the state names {name!r}, which is no class of River's models")
    return item


def _module(name: str) -> types.ModuleType:
    head, _, tail = name.rpartition(".")
    module = sys.modules.get(name)
    if head == "river._river_rust":  # its submodules are attributes of one extension module
        module = getattr(sys.modules.get(head), tail, None)
    root, package, *_ = [*name.split("."), ""]
    if root != "river" or package not in _PACKAGES or not isinstance(module, types.ModuleType):
        raise CorruptState(f"the state names a class of {name!r}, which is no module of River's models")
    return module
