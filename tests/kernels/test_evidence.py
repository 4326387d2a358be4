"""The kernel `evidence` does what the walk in numpy does, to the byte."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from processors import kernels
from processors.columns import Rows
from processors.evidence.compiled_walk import compiled_walk
from processors.evidence.confidence import Seen
from processors.evidence.engine import Evidence
from processors.evidence.findings import TrendFindings
from processors.evidence.limits import Limits
from processors.evidence.samples import Moment, Samples, Steps
from processors.evidence.walk import Walked
from tests.evidence import streams
from tests.evidence.support import samples

pytestmark = pytest.mark.skipif(not kernels.available(), reason="installed without a C compiler")

INSTANCES, SERVICES = 9, 4
HEADER = Path(kernels.__file__).parent / "evidence.h"
FINDINGS = [field.name for field in fields(TrendFindings) if field.name != "seen"]
SEEN = [field.name for field in fields(Seen)]
Stream = tuple[Rows, Rows, Samples]


@np.errstate(over="ignore", divide="ignore")  # what is normal for siblings that are days ahead
def _observed(stream: Stream, cuts: list[int]) -> dict[str, list[bytes]]:
    """Return all findings and all state, as bytes."""
    engine = Evidence(INSTANCES, SERVICES)
    rows, services, whole = stream
    edges = [0, *sorted(cuts), len(rows)]
    batches = [np.arange(begin, end) for begin, end in pairwise(edges)]
    found = [engine.observe(rows[batch], services[batch], whole.only(batch)) for batch in batches]
    return {
        **{name: [_bytes(found, name)] for name in FINDINGS},
        **{f"seen {name}": [_bytes([one.seen for one in found], name)] for name in SEEN},
        "instances": [engine.instances.dump(row) for row in range(INSTANCES)],
        "services": [engine.services.dump(row) for row in range(SERVICES)],
    }


def _bytes(found: Sequence[TrendFindings | Seen], name: str) -> bytes:
    return b"".join(getattr(one, name).tobytes() for one in found)


def _line(size: int) -> Stream:
    """One instance that only grows: nearly every sample has rings worth a fit."""
    rows, at = np.zeros(size, np.intp), np.arange(size, dtype=np.float64)
    return rows, rows, samples(1.7e9 + 60.0 * at, 0.1 + 0.5 * at / size)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 1500), max_size=30))
def test_findings_and_state_have_the_same_bytes_at_every_cut(seed: int, cuts: list[int]) -> None:
    stream = streams.stream(seed, 1500)
    with kernels.without():
        expected = _observed(stream, [])
    assert _observed(stream, []) == expected
    assert _observed(stream, cuts) == expected


@pytest.mark.parametrize("seed", range(3))
def test_long_series_have_the_same_bytes(seed: int) -> None:
    stream = streams.stream(seed, 12000)
    cuts = list(range(0, 12000, 997))
    with kernels.without():
        expected = _observed(stream, cuts)
    assert _observed(stream, cuts) == expected


def test_more_rings_than_samples_have_the_same_bytes() -> None:
    stream = _line(2000)
    with kernels.without():
        expected = _observed(stream, [])
    assert _observed(stream, []) == expected


def _constants() -> Iterator[tuple[str, str, str]]:
    """Yield the constants of the kernel: the file of the twin, the name, and the number."""
    blocks = re.findall(r"/\* (\w+)\.py \*/\n((?:(?:enum|static) .*\n)+)", HEADER.read_text())
    for twin, block in blocks:
        for name, value in re.findall(r"(\w+)(?:\[\])? = (\{[^}]*\}|[-\d.e]+)", block):
            yield twin, name, value


@pytest.mark.parametrize(("twin", "name", "value"), list(_constants()))
def test_constants_are_those_of_the_twin(twin: str, name: str, value: str) -> None:
    given = getattr(importlib.import_module(f"processors.evidence.{twin}"), name)
    wanted = tuple(map(float, re.findall(r"[-\d.e]+", value)))
    assert wanted == (given if isinstance(given, tuple) else (given,))


def test_all_constants_are_compared() -> None:
    constants, _, _ = HEADER.read_text().partition("/* The arrays")
    assert len(list(_constants())) == constants.count(" = ")


def _steps(rows: list[int]) -> Steps:
    size = len(rows)
    time = 1.7e9 + np.arange(size, dtype=np.float64)
    return Steps.of(np.array(rows), np.full(size, -1), samples(time, np.full(size, 0.5)))


@pytest.mark.parametrize("row", [-1, INSTANCES])
def test_a_row_that_is_not_there_is_refused(row: int) -> None:
    kernel = kernels.compiled()
    assert kernel
    with pytest.raises(IndexError, match="row"):
        compiled_walk(kernel, Walked.of(INSTANCES), _steps([0, row]), Moment.of(2))


@pytest.mark.parametrize(
    ("column", "error"), [(np.zeros(3), ValueError), (np.zeros(2, np.float32), TypeError)]
)
def test_a_column_of_another_length_or_type_is_refused(column: NDArray[Any], error: type[Exception]) -> None:
    kernel = kernels.compiled()
    assert kernel
    with pytest.raises(error, match="array 2 "):
        compiled_walk(kernel, Walked.of(INSTANCES), replace(_steps([0, 1]), time=column), Moment.of(2))


def test_state_and_outputs_of_another_length_are_refused() -> None:
    kernel = kernels.compiled()
    assert kernel
    odd = replace(Walked.of(INSTANCES), limits=Limits(INSTANCES + 1))
    with pytest.raises(ValueError, match="are expected"):
        compiled_walk(kernel, odd, _steps([0]), Moment.of(1))
    with pytest.raises(ValueError, match="are expected"):
        compiled_walk(kernel, Walked.of(INSTANCES), _steps([0]), Moment.of(2))
