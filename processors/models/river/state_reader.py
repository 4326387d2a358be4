"""Reads the bytes that `state.encode` returns."""

from __future__ import annotations

import functools
import random
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import msgspec
import numpy as np

from processors.models.codec import CorruptState
from processors.models.river.names import named

_SEQUENCES: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_MAPPINGS: dict[str, Any] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_NUMBERS = "biuf"


class _Reader:
    def __init__(self, nodes: list[Any]) -> None:
        self._nodes = nodes
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()

    def value(self, item: Any) -> Any:
        if not isinstance(item, list):
            return item
        (index,) = item
        if index in self._built:
            return self._built[index]
        if index in self._open or not 0 <= index < len(self._nodes):
            raise CorruptState("a node refers to itself or to nothing")
        self._open.add(index)
        kind, *parts = self._nodes[index]
        self._built[index] = built = self._build(index, kind, parts)
        return built

    def values(self, items: list[Any]) -> list[Any]:
        return [self.value(item) for item in items]

    def _build(self, index: int, kind: str, parts: list[Any]) -> Any:
        if kind in _SEQUENCES:
            return self._sequence(index, kind, *parts)
        if kind in _MAPPINGS:
            return self._fill(index, _MAPPINGS[kind](), *parts)
        if kind == "object":
            return self._object(index, *parts)
        if kind == "defaultdict":
            return self._fill(index, defaultdict(self.value(parts[0])), parts[1])
        if kind in ("built", "compiled"):
            return self._compiled(*parts)
        if kind == "deque":
            return deque(self.values(parts[1]), maxlen=parts[0])
        if kind == "name":
            return named(parts[0])
        return self._plain(kind, parts)

    def _plain(self, kind: str, parts: list[Any]) -> Any:
        if kind == "int":
            return int(parts[0])
        if kind == "partial":
            function, arguments, keywords = self.values(parts)
            return functools.partial(function, *arguments, **keywords)
        if kind == "random":
            generator = random.Random()  # noqa: S311 its state is set at once
            generator.setstate(self.value(parts[0]))
            return generator
        if kind == "array":
            return self._array(*parts)
        raise CorruptState(f"a node of unknown kind {kind!r}")

    def _sequence(self, index: int, kind: str, items: list[Any]) -> Any:
        if kind != "list":
            return _SEQUENCES[kind](self.values(items))
        made = self._built[index] = []
        made.extend(self.values(items))
        return made

    def _fill(self, index: int, made: Any, pairs: list[Any]) -> Any:
        self._built[index] = made
        for key, item in pairs:
            made[self.value(key)] = self.value(item)
        return made

    def _object(self, index: int, name: str, attributes: list[Any]) -> Any:
        made = self._built[index] = object.__new__(named(name))
        for attribute, item in attributes:
            object.__setattr__(made, attribute, self.value(item))
        return made

    def _compiled(self, name: str, arguments: Any, state: bytes | None = None) -> Any:
        if not name.startswith("river._river_rust."):
            raise CorruptState(f"{name!r} is no compiled part of River")
        made = named(name)(*self.value(arguments))
        if state is not None:
            made.__setstate__(state)
        return made

    @staticmethod
    def _array(code: str, shape: list[int], data: bytes, whole: bool) -> Any:
        dtype = np.dtype(code)
        if dtype.kind not in _NUMBERS:
            raise CorruptState(f"an array of {code!r}")
        array = np.frombuffer(data, dtype).reshape(shape).copy()
        return array if whole else array[()]


def decode(payload: bytes) -> Any:
    """Return the River object of bytes from `state.encode`.

    Raises
    ------
    CorruptState
        If the bytes are not such a state.
    """
    try:
        root, nodes = msgspec.msgpack.decode(payload)
        return _Reader(nodes).value(root)
    except CorruptState:
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of River's compiled parts is not an Exception
        raise CorruptState(f"the object's state cannot be read: {error}") from None
