"""The buffer keeps the newest records, in order, within its bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from producers.buffer import Buffer, Record


def drain(buffer: Buffer) -> list[Record]:
    return [buffer.pop() for _ in range(len(buffer))]


def test_first_in_first_out() -> None:
    buffer = Buffer(10, 1000)
    records = [Record(b"key", bytes([n])) for n in range(5)]
    for record in records:
        buffer.append(record)
    assert (len(buffer), buffer.size, buffer.oldest()) == (5, 20, records[0])
    assert drain(buffer) == records
    assert (buffer.size, buffer.dropped) == (0, 0)


def test_a_record_too_large_for_the_buffer_is_dropped() -> None:
    buffer = Buffer(10, 100)
    buffer.append(Record(b"k", b"x" * 100))
    assert (len(buffer), buffer.size, buffer.dropped) == (0, 0, 1)


@given(st.lists(st.binary(max_size=40), max_size=60), st.integers(1, 12), st.integers(1, 200))
def test_the_newest_are_kept_and_the_oldest_dropped(values: list[bytes], records: int, size: int) -> None:
    buffer = Buffer(records, size)
    written = [Record(b"k", value) for value in values]
    for record in written:
        buffer.append(record)
        assert len(buffer) <= records
        assert buffer.size <= size
    kept = drain(buffer)
    assert kept == written[len(written) - len(kept) :]
    assert buffer.dropped == len(written) - len(kept)
