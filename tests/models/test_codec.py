"""Stored bytes give back exactly what was stored, or a clear error; never a crash, never another model."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.models.codec import CorruptState, FingerprintMismatch, seal, unseal
from tests.models.fleet import FLEET, records

fuzzed = settings(max_examples=150, deadline=None, derandomize=True)
names = st.sampled_from(sorted(FLEET))


@cache
def stored(name: str) -> tuple[Any, bytes]:
    model = FLEET[name](1)
    model.score_learn(np.zeros(45, np.intp), records(1, 45, 1, model.features)[1])
    return model, model.dump(0)


def flipped(data: bytes, bit: int) -> bytes:
    at = bit // 8 % len(data)
    return data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]


@given(st.binary(max_size=100), st.integers(0, 10**6))
@fuzzed
def test_a_flipped_bit_is_noticed(payload: bytes, bit: int) -> None:
    sealed = seal(payload, "model a=1")
    assert unseal(sealed, "model a=1") == payload
    with pytest.raises(CorruptState):
        unseal(flipped(sealed, bit), "model a=1")


@given(names, st.integers(0, 10**6))
@fuzzed
def test_no_model_loads_a_flipped_bit(name: str, bit: int) -> None:
    model, state = FLEET[name](1), stored(name)[1]
    with pytest.raises(CorruptState):
        model.load(0, flipped(state, bit))


@given(names, st.integers(0, 10**6))
@fuzzed
def test_no_model_loads_cut_bytes(name: str, size: int) -> None:
    model, state = FLEET[name](1), stored(name)[1]
    with pytest.raises(CorruptState):
        model.load(0, state[: size % len(state)])


@given(names, st.binary(max_size=300))
@fuzzed
def test_random_bytes_are_refused(name: str, data: bytes) -> None:
    with pytest.raises(CorruptState):
        FLEET[name](1).load(0, data)


@given(names, st.integers(0, 10**6), st.integers(1, 255), st.integers(-3, 3))
@settings(max_examples=600, deadline=None, derandomize=True)
def test_bytes_with_a_right_checksum_never_crash(name: str, at: int, change: int, cut: int) -> None:
    """Whoever can write the topic can also compute a checksum."""
    model, state = stored(name)
    payload = bytearray(unseal(state, model.fingerprint))
    payload[at % len(payload)] ^= change
    forged = bytes(payload[:cut]) if cut < 0 else bytes(payload) + b"\0" * cut
    fresh = FLEET[name](1)
    with contextlib.suppress(CorruptState):
        fresh.load(0, seal(forged, model.fingerprint))
        with np.errstate(all="ignore"):
            fresh.score_learn(np.zeros(45, np.intp), records(2, 45, 1, model.features)[1])
        fresh.dump(0)


def test_errors_say_what_is_wrong() -> None:
    whole = seal(b"state", "model a=1")
    for data, words in (
        (b"", "too few"),
        (b"XX" + whole[2:], "begins with other bytes"),
        (whole[:2] + b"\x02" + whole[3:], "format 2 is not 1"),
        (whole[:-1], "checksum"),
    ):
        with pytest.raises(CorruptState, match=words):
            unseal(data, "model a=1")
    with pytest.raises(FingerprintMismatch, match="model b=2"):
        unseal(whole, "model b=2")
