"""The kernel that reads snapshots: the decoder returns the same with it and without, to the bit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from fleetleak.records import Decoder, Snapshot, Unreadable
from fleetleak.stream import Applied, Record, Rejected
from fleetleak.stream.records import Records
from processors import kernels
from processors.decode.decoder import SnapshotDecoder
from processors.decode.identities import names_of
from processors.decode.row import FLOATS, INTS, KERNEL_FIELDS, TAG, values_of
from processors.decode.snapshots import columns
from processors.kernels.protocol import Kernels
from processors.place.placing import Placing
from processors.place.services import Services
from tests.kernels.snapshot_records import agent_record, changed_record

pytestmark = pytest.mark.skipif(not kernels.available(), reason="installed without a C compiler")

FUTURE = 300.0
SEEDS = range(10)
EACH, CHANGES = 60, 6
"""Records of a batch as an agent writes them, and how many changed ones follow each."""
PASSES = 3
"""First, identities are met; then their written form is noted; then the kernel reads them."""


class Read(NamedTuple):
    """What a decoder makes of a batch: comparable, bit by bit."""

    offsets: list[int]
    names: list[Any]
    floats: list[list[int]]
    ints: list[list[int]]
    rejected: list[Rejected]


class Stack:
    """A decoder with what learns the identities that it meets."""

    def __init__(self) -> None:
        self.services = Services({}, {}, 1e12, 1e18)
        self._decoder = SnapshotDecoder(self.services.identities, FUTURE)
        self._placing = Placing(self.services)

    def read(self, records: Records) -> Read:
        rejected: list[Rejected] = []
        decoded = self._decoder.decode(records, rejected)
        known = self.services.identities.names
        names = [
            decoded.strangers[at].names if number < 0 else known[number]
            for at, number in enumerate(decoded.identities.tolist())
        ]
        assert set(decoded.strangers) == set(np.flatnonzero(decoded.identities < 0).tolist())
        snapshots = decoded.snapshots
        read = _comparable(snapshots.records, names, snapshots.floats, snapshots.ints, rejected)
        _, rest = self._placing.place(decoded, Applied())
        assert not len(rest)
        return read


def _comparable(
    records: Sequence[Record],
    names: list[Any],
    floats: NDArray[Any],
    ints: NDArray[Any],
    rejected: list[Rejected],
) -> Read:
    assert [floats.dtype, ints.dtype] == [np.dtype(np.float64), np.dtype(np.int64)]
    assert floats.shape == (len(FLOATS), len(records))
    assert ints.shape == (len(INTS), len(records))
    bits = np.ascontiguousarray(floats).view(np.int64)
    return Read([one.offset for one in records], names, bits.T.tolist(), ints.T.tolist(), rejected)


def _defined(records: Records) -> Read:
    """Read records one by one by their type, as the definition of the record says."""
    decode = Decoder(Snapshot).decode
    kept: list[Record] = []
    snapshots: list[Snapshot] = []
    rejected: list[Rejected] = []
    for record in records:
        try:
            snapshot = decode(record.value)
            if record.key != snapshot.service.encode():
                message = f"the record's key must be its service, {snapshot.service!r}"
                raise Unreadable("wrong-key", message)
            if (ahead := snapshot.timestamp - record.appended) > FUTURE:
                message = f"its time is {ahead:.0f} s ahead of the broker's: set the host's clock"
                raise Unreadable("future", message)
        except Unreadable as error:
            rejected.append(Rejected(record, error.reason, str(error)))
            continue
        kept.append(record)
        snapshots.append(snapshot)
    rows = [values_of(one) for one in snapshots]
    return _comparable(kept, [names_of(row) for row in rows], *columns(rows), rejected)


def _assert_same(read: Read, wanted: Read) -> None:
    """Compare record by record, so that a failure shows the first record that differs."""
    assert read.rejected == wanted.rejected
    assert read.offsets == wanted.offsets
    for one, other in zip(zip(*read[:4], strict=True), zip(*wanted[:4], strict=True), strict=True):
        assert one == other


def _batch(seed: int) -> Records:
    """Return records as an agent writes them, each followed by changed forms of it."""
    rng = random.Random(seed)
    records: list[Record] = []
    for _ in range(EACH):
        own = agent_record(rng, len(records))
        records.append(own)
        for _ in range(CHANGES):
            changed = changed_record(rng, own)
            changed.offset = len(records)
            records.append(changed)
    return Records.of(records)


def compiled() -> Kernels:
    module = kernels.compiled()
    assert module is not None
    return module


def _numbers(records: Records, known: dict[bytes, int]) -> list[int]:
    """Return what the kernel alone says of records."""
    size = len(records)
    numbers = np.empty(size, np.int64)
    floats, ints = np.full((len(FLOATS), size), np.nan), np.full((len(INTS), size), -1, np.int64)
    arrays = (KERNEL_FIELDS, np.array(records.partitions), numbers, floats, ints)
    compiled().read_snapshots(arrays, TAG, records.keys, records.values, known)
    return numbers.tolist()


def test_there_are_enough_changed_records() -> None:
    assert len(SEEDS) * EACH * CHANGES >= 2000


@pytest.mark.parametrize("seed", SEEDS)
def test_the_decoder_returns_the_same_with_and_without_it(seed: int) -> None:
    records, own, twin = _batch(seed), Stack(), Stack()
    wanted = _defined(records)
    for _ in range(PASSES):
        _assert_same(own.read(records), wanted)
        with kernels.without():
            _assert_same(twin.read(records), wanted)
    numbers = np.array(_numbers(records, own.services.identities.written)).reshape(EACH, 1 + CHANGES)
    # It reads most of what an agent writes (names with escapes are left), and some of the others.
    assert np.count_nonzero(numbers[:, 0] >= 0) > EACH // 5
    assert np.count_nonzero(numbers[:, 1:] >= 0) > EACH // 5
    assert np.count_nonzero(numbers[:, 1:] < 0) > EACH
    assert len(wanted.rejected) > EACH
    assert len({one.reason for one in wanted.rejected}) >= 5


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_of_one_are_read_the_same(seed: int) -> None:
    records, own = _batch(100 + seed)[:70], Stack()
    for _ in range(PASSES):
        for at in range(len(records)):
            one = records[at : at + 1]
            _assert_same(own.read(one), _defined(one))


def test_an_identity_is_known_by_its_bytes_from_its_first_record() -> None:
    own, rng = Stack(), random.Random(1)
    records = Records.of([agent_record(rng, at) for at in range(EACH)])
    known = own.services.identities.written
    own.read(records)
    numbers = _numbers(records, known)
    assert sum(number >= 0 for number in numbers) > EACH // 2
    before = dict(known)
    own.read(records)
    assert known == before
