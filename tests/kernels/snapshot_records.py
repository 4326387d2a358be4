"""Records for the kernel that reads snapshots: as our own agent writes them, and changed in many ways."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

from fleetleak.records import Snapshot, encode
from fleetleak.records.types import bare
from fleetleak.stream import Record

NOW = 1_790_000_000.0
TAG = b'{"schema":"snapshot/1"'
_FIELDS = {field.name: bare(inspect.type_info(field.type)) for field in msgspec.structs.fields(Snapshot)}
_TEXTS = (
    "api", "api-7f9c", "v1.2", "memory.max", "a b", "ü", "名前", "\U0001f600", "/", "q\"uote", "back\\slash",
    "\n", "\x7f", "\u2028", "x" * 256, "é" * 256,
)  # fmt: skip
_NUMBERS = (
    "0", "-0", "-0.0", "0.0", "00", "01", "1.0", "5.00", "1.", ".5", "+1", "1e3", "1E3", "1e-7", "1e22",
    "1e400", "-1e400", "-1", "-1e-9", "0x10", "1_000", "NaN", "Infinity", "true", '"5"', "[]", "{}", "null",
    "5e-324", "0." + "1" * 30, "0." + "0" * 30 + "1", "0.1234567", "0.12345678901234567",
    "0.123456789012345678", "0.30000000000000004", "123456.7890123456", "1790000000.1234567", "8.5e3",
    "17900000000000000000e-10", "999999999999999.9", "4503599627370496.5", "4503599627370497.5",
    "9007199254740991", "9007199254740993", "9007199254740993.0", "99999999999.9999999", "100000000000",
    "100000000000.0", "100000000000.00001", "100000000001", "123456789012345678", "999999999999999999",
    "1000000000000000000",
    *(str(n) for n in (2**53, 2**60 - 1, 2**60, 2**60 + 1, 2**63 - 1, 2**63, 2**64, 10**25, 10**400)),
)  # fmt: skip
_BITS = b'{}[]":,\\0123456789.eE+-\x00\x1f \n\xff\x80aetnull'


def agent_record(rng: random.Random, offset: int) -> Record:
    """Return the record of a snapshot with any of the optional fields, as an agent writes it."""
    snapshot = _snapshot(rng)
    return Record(rng.choice([0, 0, 0, 7]), offset, snapshot.service.encode(), encode(snapshot), NOW)


def changed_record(rng: random.Random, record: Record) -> Record:
    """Return a record with its bytes changed in one to three ways, rarely its key."""
    value = record.value or b""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        value = rng.choice(_CHANGES)(rng, value)
    key, appended = record.key, record.appended
    if rng.random() < 0.05:
        written = re.search(rb'"service":"((?:[^"\\]|\\.)*)"', value)
        as_written = [] if written is None else [written[1]] * 9
        key = rng.choice([None, b"", b"other", (key or b"") + b"\0", (key or b"")[:-1], *as_written])
    if rng.random() < 0.05:
        appended = rng.choice([0.0, NOW - 301.0, NOW - 299.0])
    absent = rng.random() < 0.01
    return Record(record.partition, record.offset, key, None if absent else value, appended)


def _snapshot(rng: random.Random) -> Snapshot:
    share = rng.choice([0.1, 0.5, 0.9, 1.0])
    fields = {
        field.name: _value(rng, field.name)
        for field in msgspec.structs.fields(Snapshot)
        if field.required or rng.random() < share
    }
    return Snapshot(**fields)


def _value(rng: random.Random, name: str) -> Any:
    info = _FIELDS[name]
    if name == "timestamp":
        return round(NOW - rng.choice([0.0, 30.0, 1e6, NOW]) * rng.random(), rng.randint(0, 7))
    if isinstance(info, inspect.LiteralType):
        return rng.choice(info.values)
    if isinstance(info, inspect.DictType):
        return {f"{_text(rng)}{n}"[:256]: _text(rng) for n in range(rng.choice([0, 1, 2, 20]))}
    if isinstance(info, inspect.StrType):
        return _text(rng)
    if isinstance(info, inspect.IntType):
        return rng.choice(
            [0, 1, rng.randrange(2**20), rng.randrange(2**40), rng.randrange(10 ** rng.randint(17, 18))]
        )
    return round(rng.choice([0.0, 1e-6, 1.0, 1e3, 1e9]) * rng.random(), rng.choice([0, 2, 6, 7, 20]))


def _text(rng: random.Random) -> str:
    return rng.choice(_TEXTS) if rng.random() < 0.03 else rng.choice(_TEXTS[:8])


_Pair = tuple[str, Any]


def _pairs(value: bytes) -> list[_Pair]:
    """Return the fields of a record in their order; none if it is no JSON object."""
    try:
        pairs = json.loads(value, object_pairs_hook=list)
    except ValueError:
        return []
    is_object = isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs)
    return pairs if is_object else []


def _dumped(pairs: list[_Pair], comma: str = ",", colon: str = ":", *, ascii_only: bool = False) -> bytes:
    """Write fields in their order, also where a name is repeated."""

    def dump(given: Any) -> str:
        return json.dumps(given, ensure_ascii=ascii_only, separators=(comma, colon))

    texts = [
        f"{dump(name)}{colon}{dump(dict(given) if name == 'labels' and isinstance(given, list) else given)}"
        for name, given in pairs
    ]
    return b"{%s}" % comma.join(texts).encode(errors="surrogatepass")


def _delete(rng: random.Random, value: bytes) -> bytes:
    at, length = rng.randrange(len(value) + 1), rng.choice([1, 1, 2, 10])
    return value[:at] + value[at + length :]


def _insert(rng: random.Random, value: bytes) -> bytes:
    at = rng.randrange(len(value) + 1)
    return value[:at] + _bytes(rng) + value[at:]


def _replace(rng: random.Random, value: bytes) -> bytes:
    at, new = rng.randrange(len(value) + 1), _bytes(rng)
    return value[:at] + new + value[at + len(new) :]


def _bytes(rng: random.Random) -> bytes:
    return bytes(rng.choice(_BITS) for _ in range(rng.choice([1, 1, 2, 5])))


def _digit(rng: random.Random, value: bytes) -> bytes:
    digits = [match.start() for match in re.finditer(rb"\d", value)]
    if not digits:
        return value
    at = rng.choice(digits)
    return value[:at] + rng.choice([b"0", b"9", b"00", b"1.5", b"", b"12345678901"]) + value[at + 1 :]


def _number(rng: random.Random, value: bytes) -> bytes:
    """Put an odd number in place of a number, or of another value."""
    values = list(re.finditer(rb'":([0-9.e+-]+|"[^"]*")', value))
    if not values:
        return value
    match = rng.choice(values)
    return value[: match.start(1)] + rng.choice(_NUMBERS).encode() + value[match.end(1) :]


def _shuffle(rng: random.Random, value: bytes) -> bytes:
    pairs = _pairs(value)
    if not pairs:
        return value
    first, others = (pairs[:1], pairs[1:]) if rng.random() < 0.9 else ([], pairs)
    rng.shuffle(others)
    return _dumped(first + others)


def _repeat(rng: random.Random, value: bytes) -> bytes:
    pairs = _pairs(value)
    if not pairs:
        return value
    name, given = rng.choice(pairs)
    pairs.insert(
        rng.randrange(len(pairs) + 1), (name, rng.choice([given, given, rng.choice(pairs)[1], 1, "x", None]))
    )
    return _dumped(pairs)


def _drop(rng: random.Random, value: bytes) -> bytes:
    pairs = _pairs(value)
    if pairs:
        pairs.pop(rng.randrange(len(pairs)))
    return _dumped(pairs)


def _null(rng: random.Random, value: bytes) -> bytes:
    pairs = _pairs(value)
    name = (
        rng.choice([name for name, _ in pairs] or ["labels"])
        if rng.random() < 0.5
        else rng.choice(list(_FIELDS))
    )
    return _dumped([*((other, given) for other, given in pairs if other != name), (name, None)])


def _unknown(rng: random.Random, value: bytes) -> bytes:
    odd: Any = rng.choice([1, "x", None, [1], {"a": {}}, 1.5])
    return _dumped(
        [*_pairs(value), (rng.choice(["other", "", "time", "timestamps", "Service", "free\0"]), odd)]
    )


def _huge(rng: random.Random, value: bytes) -> bytes:
    """Make a text as long as it may be, or longer; or labels that together are."""
    pairs = _pairs(value)
    text = rng.choice(["x", "é"]) * rng.choice([255, 256, 257, 1000, 5000, 20_000])
    many = {
        f"{number}{'y' * rng.choice([10, 100, 240])}": "z" * 100
        for number in range(rng.choice([1, 20, 32, 33]))
    }
    name, new = rng.choice(
        [("host", text), ("version", text), ("service", text), ("labels", many), ("labels", {"a": text})]
    )
    return _dumped([*((other, given) for other, given in pairs if other != name), (name, new)])


def _space(rng: random.Random, value: bytes) -> bytes:
    white = rng.choice([b" ", b"\n", b"\t", b"\r\n", b"\0", b"\xef\xbb\xbf"])
    match rng.randrange(4):
        case 0:
            return _dumped(_pairs(value), ", ", ": ")
        case 1:
            return white + value
        case 2:
            return value + white
    at = rng.choice([match.start() for match in re.finditer(rb"[{}:,]", value)] or [0])
    return value[:at] + white + value[at:]


def _escape(rng: random.Random, value: bytes) -> bytes:
    if rng.random() < 0.5:
        return _dumped(_pairs(value), ascii_only=True)
    old, new = rng.choice(
        [
            (b"a", b"\\u0061"),
            (b"/", b"\\/"),
            (b'"service"', b'"\\u0073ervice"'),
            (b':"a', b':"\\u0061'),
            (b"s", b"\\ud83d"),
        ]
    )
    return value[: len(TAG)] + value[len(TAG) :].replace(old, new, rng.choice([1, 100]))


def _schema(rng: random.Random, value: bytes) -> bytes:
    new = rng.choice([
        b"{", b'{"schema":null', b'{"schema":"snapshot/2"', b'{"schema":"score/1"',
        b'{"schema":"snapshot/01"', b'{"schema":"snapshot/1" ', TAG + b',"schema":"snapshot/1"',
        TAG + b',"schema":"label/1"',
        b'{"schemas":"snapshot/1"', b'{"schema":1', b'[{"schema":"snapshot/1"', b"{" + TAG[1:] * 2,
    ])  # fmt: skip
    return value.replace(TAG, new, 1).replace(b"{,", b"{", 1)


def _cut(rng: random.Random, value: bytes) -> bytes:
    return value[: rng.randrange(len(value) + 1)]


def _twice(rng: random.Random, value: bytes) -> bytes:
    return value + rng.choice([value, b"}", b",", b"x"])


_Change = Callable[[random.Random, bytes], bytes]
_CHANGES: tuple[_Change, ...] = (
    _delete, _insert, _replace, _digit, _digit, _number, _number, _number, _shuffle, _shuffle, _repeat, _drop,
    _null, _unknown, _huge, _space, _escape, _schema, _cut, _twice,
)  # fmt: skip
