"""Hypothesis strategies by field types, so that a new field is covered automatically."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from msgspec import inspect

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=100)
"""The same examples in every run, for any machine's speed."""

_INT64 = 2**63 - 1


def _number(info: inspect.IntType | inspect.FloatType) -> st.SearchStrategy[Any]:
    if isinstance(info, inspect.IntType):
        low, high = info.ge, info.le
        return st.integers(-_INT64 if low is None else int(low), _INT64 if high is None else int(high))
    return st.floats(info.ge, info.le, allow_nan=False, allow_infinity=False)


def _container(info: inspect.ListType | inspect.DictType) -> st.SearchStrategy[Any]:
    if isinstance(info, inspect.ListType):
        return st.lists(values(info.item_type), max_size=3)
    return st.dictionaries(values(info.key_type), values(info.value_type), max_size=3)


def values(info: inspect.Type) -> st.SearchStrategy[Any]:
    """Return values that a type allows."""
    match info:
        case inspect.Metadata():
            return values(info.type)
        case inspect.IntType() | inspect.FloatType():
            return _number(info)
        case inspect.StrType():
            return st.text(min_size=info.min_length or 0, max_size=min(info.max_length or 20, 20))
        case inspect.BytesType():
            return st.binary(max_size=20)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.LiteralType():
            return st.sampled_from(info.values)
        case inspect.UnionType():
            return st.one_of([values(one) for one in info.types])
        case inspect.ListType() | inspect.DictType():
            return _container(info)
        case inspect.StructType():
            return records(info.cls)
    raise NotImplementedError(info)


def records(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Return records of one type, with any of the optional fields."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    needed = {f.name: values(f.type) for f in info.fields if f.required}
    others = {f.name: values(f.type) for f in info.fields if not f.required}
    return st.fixed_dictionaries(needed, optional=others).map(lambda fields: kind(**fields))
