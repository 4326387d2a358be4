"""Conditions on the fields of a record, such as `severity = { at_least = "high" }` in a policy file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from msgspec import Struct, inspect

from fleetleak.records.alert import CERTAINTIES, SEVERITIES, URGENCIES
from fleetleak.records.types import bare
from fleetleak.settings import BadSetting
from fleetleak.settings.load import did_you_mean

Values = type | tuple[str, ...]
"""What the values of a field are: numbers (float), texts (str), bool, or some of these words."""
_TESTS = ("is", "not", "at_least", "below")
_ORDERED: Mapping[str, tuple[str, ...]] = {
    "severity": SEVERITIES, "urgency": URGENCIES, "certainty": CERTAINTIES,
}  # fmt: skip


class BadPolicy(BadSetting):
    """A policy file that cannot be used; the message is one line that says what to write instead."""


class Condition(Struct, frozen=True):
    """One condition on one field. A field without a value meets `excluded` alone.

    Parameters
    ----------
    field
        A path, such as `trend.rise` or `labels.team`, or the name of a fact that the kind of finding adds.
    allowed, excluded
        The values; a text is a shell pattern, such as `shop/*`. An empty `allowed` allows every value.
    at_least, below
        Bounds of a number, or of a word that has an order (`severity`, `urgency`, `certainty`).
    """

    field: str
    allowed: tuple[Any, ...] = ()
    excluded: tuple[Any, ...] = ()
    at_least: float | None = None
    below: float | None = None

    def holds(self, record: Struct, facts: Mapping[str, float | None]) -> bool:
        """Return whether a record meets the condition."""
        value = self.value(record, facts)
        if value is None:
            return bool(self.excluded) and not self.allowed
        if _one_of(value, self.excluded) or (self.allowed and not _one_of(value, self.allowed)):
            return False
        if self.at_least is None and self.below is None:
            return True
        rank = _rank(self.field, value)
        return (self.at_least is None or rank >= self.at_least) and (self.below is None or rank < self.below)

    def value(self, record: Struct, facts: Mapping[str, float | None]) -> Any:
        """Return what a record has in the field; None where it has nothing."""
        return facts[self.field] if self.field in facts else _look_up(record, self.field)

    def matches_all(self) -> bool:
        """Return whether every record with this field meets it."""
        free = not self.allowed or any(isinstance(v, str) and not v.strip("*?") for v in self.allowed)
        return free and not self.excluded and self.at_least is None and self.below is None

    def words(self) -> str:
        """Return the condition in words."""
        said = [
            f"is {' or '.join(map(str, self.allowed))}" if self.allowed else "",
            f"is not {' or '.join(map(str, self.excluded))}" if self.excluded else "",
            f"is at least {self._shown(self.at_least)}" if self.at_least is not None else "",
            f"is below {self._shown(self.below)}" if self.below is not None else "",
        ]
        return f"{self.field} {' and '.join(filter(None, said))}"

    def _shown(self, bound: float) -> str:
        return _ORDERED[self.field][int(bound)] if self.field in _ORDERED else f"{bound:g}"


def conditions(
    where: Mapping[str, Any], record: type[Struct], facts: tuple[str, ...], place: str
) -> tuple[Condition, ...]:
    """Return the conditions that a table of a policy file states; all of them must hold.

    Parameters
    ----------
    record, facts
        The type of the records, and the names of the facts that are known beside its fields.
    place
        Where the table stands, for messages: `rules[2] (linear): where`.

    Raises
    ------
    BadPolicy
        If a field or a test does not exist, or a value has the wrong type.
    """
    return tuple(_condition(field, test, record, facts, f"{place}.{field}") for field, test in where.items())


def _condition(field: str, test: Any, record: type[Struct], facts: tuple[str, ...], place: str) -> Condition:
    kind = _known(field, test, record, facts, place)
    tests = test if isinstance(test, Mapping) else {"is": test}
    if unknown := [name for name in tests if name not in _TESTS]:
        raise BadPolicy(f"{place}: there is no test {unknown[0]}; write one of {', '.join(_TESTS)}")
    made = Condition(
        field,
        _values(tests.get("is", ()), kind, place),
        _values(tests.get("not", ()), kind, place),
        _bound(field, tests.get("at_least"), kind, place),
        _bound(field, tests.get("below"), kind, place),
    )
    if made == Condition(field):
        raise BadPolicy(f"{place}: it tests nothing; write one of {', '.join(_TESTS)}")
    return made


def _known(field: str, test: Any, record: type[Struct], facts: tuple[str, ...], place: str) -> Values:
    if field in facts:
        return float
    known = dict(_paths(record))
    if known.get(field, dict) is not dict:
        return known[field]
    parent = field.rpartition(".")[0]
    if known.get(parent) is dict:
        return str
    below = [name for name in test if isinstance(test, Mapping) and name not in _TESTS]
    if below and (field in known or f"{field}.{below[0]}" in known):
        # TOML takes a dot outside of quotes for a table.
        raise BadPolicy(f'{place}: write "{field}.{below[0]}" in quotes')
    hint = did_you_mean(field, [*known, *facts])
    raise BadPolicy(
        f"{place}: there is no field {field}"
        f"{hint or f'; docs/records.md lists the fields of {record.__name__}'}"
    )


def _values(given: Any, kind: Values, place: str) -> tuple[Any, ...]:
    values = tuple(given) if isinstance(given, list | tuple) else (given,)
    if isinstance(kind, tuple):
        for value in values:
            if not isinstance(value, str) or not any(fnmatchcase(word, value) for word in kind):
                raise BadPolicy(f"{place}: {value!r} must be one of {', '.join(kind)}")
        return values
    for value in values:
        if not isinstance(value, (int, float) if kind is float else kind) or (
            kind is float and isinstance(value, bool)
        ):
            wanted = {float: "a number", str: "a text", bool: "true or false"}.get(kind, "a plain value")
            raise BadPolicy(f"{place}: {value!r} must be {wanted}")
    return values


def _bound(field: str, given: Any, kind: Values, place: str) -> float | None:
    if given is None:
        return None
    if field in _ORDERED:
        if given not in _ORDERED[field]:
            raise BadPolicy(f"{place}: {given!r} must be one of {', '.join(_ORDERED[field])}")
        return float(_ORDERED[field].index(given))
    if kind is not float or not isinstance(given, int | float) or isinstance(given, bool):
        raise BadPolicy(f"{place}: only numbers and ordered words have bounds; {given!r} is none")
    if not math.isfinite(given):
        raise BadPolicy(f"{place}: {given!r} is no bound")
    return float(given)


@cache
def _paths(record: type[Struct]) -> tuple[tuple[str, Values], ...]:
    return tuple(_walk(inspect.type_info(record), ""))


def _walk(info: inspect.Type, prefix: str) -> Iterator[tuple[str, Values]]:
    """Yield each path below a struct with what its values are; dict stands for free names."""
    assert isinstance(info, inspect.StructType)  # noqa: S101 - called for structs alone
    for field in info.fields:
        path, kind = f"{prefix}{field.name}", bare(field.type)
        match kind:
            case inspect.StructType():
                yield from _walk(kind, f"{path}.")
            case inspect.IntType() | inspect.FloatType():
                yield path, float
            case inspect.BoolType():
                yield path, bool
            case inspect.LiteralType():
                yield path, tuple(map(str, kind.values))
            case inspect.StrType():
                yield path, str
            case inspect.DictType(value_type=inspect.Metadata(type=inspect.StrType()) | inspect.StrType()):
                yield path, dict


def _look_up(record: Struct, path: str) -> Any:
    value: Any = record
    names = path.split(".")
    for place, name in enumerate(names):
        if value is None:
            return None
        if isinstance(value, dict):
            return value.get(".".join(names[place:]))
        value = getattr(value, name)
    return value


def _one_of(value: Any, values: tuple[Any, ...]) -> bool:
    if isinstance(value, str):
        return any(fnmatchcase(value, pattern) for pattern in values)
    return value in values


def _rank(field: str, value: Any) -> float:
    return float(_ORDERED[field].index(value)) if field in _ORDERED else float(value)
