"""The state of a River object as data, without pickle.

Objects become a table of nodes in MessagePack, which refer to each other by number; `state_reader` reads it.
Reading builds only plain containers and objects of River's model classes. It calls only the constructors of
River's compiled parts. So forged bytes can produce a useless model, but never run code.
"""

from __future__ import annotations

import functools
import random
import types
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import msgspec
import numpy as np

from processors.models.river.names import name_of

_SCALARS = (type(None), bool, int, float, str, bytes)


class _Writer:
    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._index: dict[int, int] = {}
        self._alive: list[Any] = []  # an id is unique only while its object lives

    def value(self, item: Any) -> Any:
        if type(item) in _SCALARS and not (isinstance(item, int) and abs(item) >= 2**63):
            return item
        if id(item) not in self._index:
            self._index[id(item)] = len(self.nodes)
            self._alive.append(item)
            self.nodes.append(None)
            self.nodes[self._index[id(item)]] = self._node(item)
        return [self._index[id(item)]]

    def values(self, items: Any) -> list[Any]:
        return [self.value(item) for item in items]

    def pairs(self, items: Any) -> list[Any]:
        return [[self.value(key), self.value(item)] for key, item in items]

    def _node(self, item: Any) -> list[Any]:
        kind = type(item)
        if kind in (list, tuple):
            return [kind.__name__, self.values(item)]
        if kind in (set, frozenset):
            return [kind.__name__, self.values(sorted(item, key=repr))]
        if kind in (dict, OrderedDict, Counter):
            return [kind.__name__, self.pairs(item.items())]
        if kind is defaultdict:
            return ["defaultdict", self.value(item.default_factory), self.pairs(item.items())]
        if kind is deque:
            return ["deque", item.maxlen, self.values(item)]
        if kind is int:
            return ["int", str(item)]
        if kind is random.Random:
            return ["random", self.value(item.getstate())]
        if kind is functools.partial:
            return ["partial", *map(self.value, (item.func, item.args, item.keywords))]
        if isinstance(item, type | types.FunctionType):
            return ["name", name_of(item)]
        if isinstance(item, np.ndarray | np.generic) and item.dtype.kind in "biuf":
            whole = isinstance(item, np.ndarray)
            return ["array", item.dtype.str, list(item.shape), item.tobytes(), whole]
        return self._object(item, name_of(kind))

    def _object(self, item: Any, name: str) -> list[Any]:
        if "_river_rust" not in name:
            return ["object", name, self.pairs(_attributes(item))]
        if "__reduce__" in vars(type(item)):
            return ["built", name, self.value(item.__reduce__()[1])]
        arguments = item.__getnewargs__() if hasattr(item, "__getnewargs__") else ()
        return ["compiled", name, self.value(arguments), item.__getstate__()]


def _attributes(item: Any) -> list[tuple[str, Any]]:
    slots = [name for cls in type(item).__mro__ for name in getattr(cls, "__slots__", ())]
    held = [(name, getattr(item, name)) for name in slots if name != "__dict__" and hasattr(item, name)]
    return held + list(getattr(item, "__dict__", {}).items())


def encode(model: Any) -> bytes:
    """Return a River object as bytes.

    Raises
    ------
    TypeError
        If something in it is neither a plain value nor of River's model classes.
    """
    writer = _Writer()
    root = writer.value(model)
    return msgspec.msgpack.encode([root, writer.nodes])
