"""Checkpoints: what is read back is what was stored, or it is refused; and which keys are due."""

from __future__ import annotations

import zlib
from itertools import pairwise
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.stream import checkpoint
from fleetleak.stream.checkpoint import (
    CUT,
    PART_BYTES,
    RAW,
    ZLIB,
    Checkpoint,
    Cut,
    form_of,
    from_records,
    record_key,
    seal,
    split_key,
    state_of,
    to_records,
    tombstones,
    unseal,
)
from fleetleak.stream.dirty import DirtyKeys
from fleetleak.stream.errors import BadCheckpoint
from tests.unit.strategies import REPEATABLE, records

NAME = b"shop/cart"
SMALL_PARTS = 7


def stored(
    state: bytes,
    offset: int = 41,
    topic_id: str = "topic-id",
    fingerprint: str = "fingerprint",
    form: int = RAW,
) -> Checkpoint:
    return Checkpoint(offset, topic_id, fingerprint, [(3, 40)], 1, state, form)


class Compacted:
    """A compacted topic's partition: the newest value of each record key, none for a tombstone."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.parts = 1

    def write(self, made: Checkpoint | None, name: bytes = NAME) -> None:
        if made is None:
            records: list[tuple[bytes, bytes | None]] = list(tombstones(name, 0, self.parts))
        else:
            records = list(to_records(name, made, self.parts))
        self.parts = 1 if made is None else sum(value is not None for _, value in records)
        for key, value in records:
            self.values.pop(key, None)
            if value is not None:
                self.values[key] = value

    def read(self, name: bytes = NAME) -> dict[int, bytes]:
        split = {split_key(key): value for key, value in self.values.items()}
        return {part: value for (found, part), value in split.items() if found == name}


def parts_of(made: Checkpoint) -> dict[int, bytes]:
    topic = Compacted()
    topic.write(made)
    return topic.read()


def reason(parts: dict[int, bytes]) -> str:
    with pytest.raises(BadCheckpoint) as caught:
        from_records(parts)
    return caught.value.reason


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, PART_BYTES * 2 + 5])
def test_a_state_of_any_size_comes_back(size: int) -> None:
    made = stored(bytes(number % 251 for number in range(size)))
    parts = parts_of(made)
    assert len(parts) == max(1, -(-size // PART_BYTES))
    assert all(len(value) < PART_BYTES + 1024 for value in parts.values())
    assert from_records(parts) == msgspec.structs.replace(made, parts=len(parts))


@REPEATABLE
@given(st.lists(st.none() | st.binary(max_size=40), min_size=1, max_size=8))
def test_the_newest_state_is_what_the_topic_holds(states: list[bytes | None]) -> None:
    topic = Compacted()
    with mock.patch.object(checkpoint, "PART_BYTES", SMALL_PARTS):
        for offset, state in enumerate(states):
            topic.write(None if state is None else stored(state, offset))
            if state is None:
                assert topic.values == {}
            else:
                found = from_records(topic.read())
                assert (found.offset, found.state) == (offset, state)
                assert len(topic.values) == found.parts


@REPEATABLE
@given(st.binary(max_size=20), st.integers(0, 2**16 - 1))
def test_record_keys_come_apart_again(name: bytes, part: int) -> None:
    key = record_key(name, part)
    assert split_key(key) == (name, part)
    assert key != CUT


@pytest.mark.parametrize("key", [None, b"", b"s", b"s\0", CUT, b"\0\0\0\0", b"shop/cart"[1:]])
def test_a_key_of_somebody_else_is_refused(key: bytes | None) -> None:
    with pytest.raises(BadCheckpoint) as caught:
        split_key(key)
    assert caught.value.reason == "foreign"


@REPEATABLE
@given(st.dictionaries(st.binary(max_size=6), st.binary(max_size=30), max_size=5))
def test_keys_do_not_mix(states: dict[bytes, bytes]) -> None:
    topic = Compacted()
    with mock.patch.object(checkpoint, "PART_BYTES", SMALL_PARTS):
        for name, state in states.items():
            topic.parts = 1
            topic.write(stored(state), name)
    assert {name: from_records(topic.read(name)).state for name in states} == states


@REPEATABLE
@given(st.binary(max_size=30), st.data())
def test_any_flipped_bit_is_noticed(state: bytes, data: st.DataObject) -> None:
    with mock.patch.object(checkpoint, "PART_BYTES", SMALL_PARTS):
        parts = parts_of(stored(state))
    part = data.draw(st.sampled_from(sorted(parts)))
    bit = data.draw(st.integers(0, len(parts[part]) * 8 - 1))
    damaged = bytearray(parts[part])
    damaged[bit // 8] ^= 1 << bit % 8
    assert reason(parts | {part: bytes(damaged)}) in {"corrupt", "foreign", "newer-version"}


@REPEATABLE
@given(st.binary(max_size=30), st.data())
def test_anything_cut_off_or_put_on_is_noticed(state: bytes, data: st.DataObject) -> None:
    with mock.patch.object(checkpoint, "PART_BYTES", SMALL_PARTS):
        parts = parts_of(stored(state))
    part = data.draw(st.sampled_from(sorted(parts)))
    length = data.draw(st.integers(0, len(parts[part]) - 1))
    assert reason(parts | {part: parts[part][:length]}) in {"corrupt", "foreign", "newer-version"}
    more = parts[part] + data.draw(st.binary(min_size=1, max_size=9))
    assert reason(parts | {part: more}) == "corrupt"


@REPEATABLE
@given(st.binary(min_size=SMALL_PARTS + 1, max_size=40), st.data())
def test_a_missing_part_is_noticed(state: bytes, data: st.DataObject) -> None:
    with mock.patch.object(checkpoint, "PART_BYTES", SMALL_PARTS):
        parts = parts_of(stored(state))
    del parts[data.draw(st.sampled_from(sorted(parts)))]
    assert reason(parts) == "incomplete"


@pytest.mark.parametrize(
    "other",
    [
        stored(b"b" * 14, offset=2),
        stored(b"b" * 14, topic_id="recreated"),
        stored(b"b" * 14, fingerprint="changed"),
        stored(b"b" * 21),
        stored(b"b" * 14, form=ZLIB),
    ],
    ids=["offset", "topic", "fingerprint", "parts", "form"],
)
def test_parts_of_different_cuts_are_never_joined(other: Checkpoint) -> None:
    with mock.patch.object(checkpoint, "PART_BYTES", SMALL_PARTS):
        one, another = parts_of(stored(b"a" * 14)), parts_of(other)
    assert reason({0: another[0], 1: one[1]}) == "incomplete"
    assert reason({0: one[0], 1: another[1]}) == "incomplete"


@REPEATABLE
@given(st.integers(1, 3), st.integers(1, 3), st.binary(max_size=10))
def test_parts_left_by_an_older_checkpoint_do_not_spoil_a_whole_one(new: int, old: int, rest: bytes) -> None:
    with mock.patch.object(checkpoint, "PART_BYTES", SMALL_PARTS):
        made = stored(b"b" * SMALL_PARTS * new, fingerprint="changed")
        left = parts_of(stored(b"a" * SMALL_PARTS * (new + old)))
        assert from_records(left | {new + old: rest} | parts_of(made)) == msgspec.structs.replace(
            made, parts=new
        )


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "foreign"),
        (b"FL", "foreign"),
        (b'{"schema":"score/1"}', "foreign"),
        (b"FLC3" + bytes(40), "newer-version"),
        (b"FLC2" + bytes(40), "corrupt"),
        (b"FLC1", "corrupt"),
        (b"FLC1\0\0\0\0", "corrupt"),
        (seal(b""), "corrupt"),
        (seal(b"\x80"), "corrupt"),
        (seal(b"\x91" * 100_000), "corrupt"),
        (seal(b"\x97\x01\xa1t\xa1f\x90\x01\xc4\x01x" + b"\x91" * 100_000 + b"\x01"), "corrupt"),
        (seal(b"\x96\x01\xa2\xff\xfe\xa1f\x90\x01\xc4\x01x"), "corrupt"),
        (seal(msgspec.msgpack.encode([1, "t", "f", [], 2**62, b"x"])), "incomplete"),
        (seal(msgspec.msgpack.encode([1, "t", "f", [], 1, "no bytes"])), "corrupt"),
        (seal(msgspec.msgpack.encode([1, "t", "f", [], -1, b"x"])), "incomplete"),
        (seal(msgspec.msgpack.encode([1, "t", "f", [], 0, b"x"])), "incomplete"),
        (Cut(1, 2, "t").to_value(), "corrupt"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_checkpoint_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason({0: value}) == why


def test_a_key_without_parts_is_incomplete() -> None:
    assert reason({}) == "incomplete"


@REPEATABLE
@given(
    st.dictionaries(st.integers(0, 3), st.binary(max_size=60) | st.binary(max_size=60).map(b"FLC1".__add__))
)
def test_arbitrary_bytes_are_refused(parts: dict[int, bytes]) -> None:
    assert reason(parts) in {"foreign", "corrupt", "newer-version", "incomplete"}


@REPEATABLE
@given(records(Cut))
def test_a_cut_comes_back_and_damage_is_noticed(cut: Cut) -> None:
    value = cut.to_value()
    assert Cut.from_value(value) == cut
    damaged = (value[:-1], value + b"x", value[:-1] + bytes([value[-1] ^ 1]), b"", b"x")
    for bad in (*damaged, seal(b"\x93\x01\x02\xa2\xff\xfe"), seal(b"\x91" * 100_000)):
        with pytest.raises(BadCheckpoint):
            Cut.from_value(bad)
    with pytest.raises(BadCheckpoint):
        Cut.from_value(parts_of(stored(b"x"))[0])


@REPEATABLE
@given(st.binary())
def test_a_seal_is_opened_again(payload: bytes) -> None:
    assert unseal(seal(payload)) == payload


class TestDirtyKeys:
    """Which keys are due for a checkpoint."""

    @staticmethod
    def touched(*offsets: tuple[bytes, int]) -> DirtyKeys:
        dirty = DirtyKeys()
        for name, offset in offsets:
            dirty.touch(name, offset)
        return dirty

    def test_the_oldest_change_comes_first(self) -> None:
        dirty = self.touched((b"a", 1), (b"b", 2), (b"a", 3), (b"c", 4))
        assert dirty.all() == [b"a", b"b", b"c"]
        dirty.clean(b"a")
        dirty.touch(b"a", 5)
        assert dirty.all() == [b"b", b"c", b"a"]
        assert len(dirty) == 3

    def test_replay_begins_at_the_oldest_change(self) -> None:
        dirty = self.touched((b"a", 10), (b"b", 20), (b"a", 30))
        assert dirty.replay_from(99) == 10
        dirty.clean(b"a")
        assert dirty.replay_from(99) == 20
        dirty.clean(b"b")
        dirty.clean(b"never seen")
        assert dirty.replay_from(99) == 99

    def test_nothing_is_due_of_nothing_and_all_of_a_whole_share(self) -> None:
        assert DirtyKeys().due(1.0) == []
        dirty = self.touched(*((b"%d" % number, number) for number in range(5)))
        assert dirty.due(0.0) == []
        assert dirty.due(1.0) == dirty.all()
        assert dirty.due(7.5) == dirty.all(), "after a long pause every key is due once, not more often"

    def test_shares_too_small_for_one_key_add_up(self) -> None:
        dirty = self.touched((b"a", 1), (b"b", 2))
        assert [len(dirty.due(0.125)) for _ in range(8)] == [0, 0, 0, 1, 0, 0, 0, 1]

    @REPEATABLE
    @given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 4))
    def test_each_key_is_due_once_per_interval(self, keys: int, commits: int, intervals: int) -> None:
        dirty = self.touched(*((b"%d" % number, number) for number in range(keys)))
        written = dict.fromkeys(dirty.all(), 0)
        sizes = []
        for commit in range(commits * intervals):
            due = dirty.due(1 / commits)
            sizes.append(len(due))
            for name in due:
                written[name] += 1
                dirty.clean(name)
            for name in written:
                dirty.touch(name, keys + commit)
        # One fewer where the shares' sum, in floats, is a hair below a whole number.
        assert intervals * keys - 1 <= sum(written.values()) <= intervals * keys
        assert max(written.values()) - min(written.values()) <= 1
        assert max(sizes) - min(sizes) <= 1, "no commit carries more than its share"

    @REPEATABLE
    @given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.booleans()), max_size=20))
    def test_replay_never_skips_an_unsaved_change(self, steps: list[tuple[bytes, bool]]) -> None:
        dirty, unsaved = DirtyKeys(), dict[bytes, int]()
        for offset, (name, saved) in enumerate(steps):
            if saved:
                dirty.clean(name)
                unsaved.pop(name, None)
            else:
                dirty.touch(name, offset)
                unsaved.setdefault(name, offset)
            assert dirty.replay_from(offset + 1) == min(unsaved.values(), default=offset + 1)
            order = [unsaved[name] for name in dirty.all()]
            assert all(one < other for one, other in pairwise(order))


def earlier(state: bytes, parts: int = 1) -> bytes:
    """Return a part as a version before forms wrote it."""
    payload = msgspec.msgpack.encode([41, "topic-id", "fingerprint", [(3, 40)], parts, state])
    return b"FLC1" + zlib.crc32(payload).to_bytes(4, "big") + payload


@given(state=st.none() | st.binary(max_size=5000))
def test_a_state_is_stored_as_it_is(state: bytes | None) -> None:
    raw, form = form_of(state)
    parts = parts_of(stored(raw, form=form))
    assert state_of(from_records(parts)) == state
    # A version that knows no forms refuses what it would take for a compressed state.
    assert parts[0][:4] == (b"FLC1" if state is None else b"FLC2")


@given(state=st.binary(max_size=5000))
def test_what_an_earlier_version_compressed_is_read(state: bytes) -> None:
    shrunk = zlib.compress(state, 1)
    middle = len(shrunk) // 2
    for pieces in ([shrunk], [shrunk[:middle], shrunk[middle:]]):
        parts = {number: earlier(piece, parts=len(pieces)) for number, piece in enumerate(pieces)}
        checkpoint = from_records(parts)
        assert (checkpoint.offset, checkpoint.controls, checkpoint.form) == (41, [(3, 40)], ZLIB)
        assert state_of(checkpoint) == state


def test_what_an_earlier_version_wrote_of_a_deleted_key_is_read() -> None:
    assert state_of(from_records({0: earlier(b"")})) is None


@given(junk=st.binary(min_size=1, max_size=200))
def test_what_was_not_compressed_is_refused(junk: bytes) -> None:
    with pytest.raises(BadCheckpoint, match=r"incomplete|Error"):
        state_of(from_records({0: earlier(junk)}))


@pytest.mark.parametrize("made", [(RAW, bytes(1001)), (ZLIB, zlib.compress(bytes(5000)))])
def test_a_state_that_would_burst_memory_is_refused(made: tuple[int, bytes]) -> None:
    form, state = made
    with (
        mock.patch.object(checkpoint, "MOST_STATE_BYTES", 1000),
        pytest.raises(BadCheckpoint, match="larger"),
    ):
        state_of(stored(state, form=form))


def test_a_form_that_is_not_known_is_of_a_newer_version() -> None:
    with pytest.raises(BadCheckpoint, match="upgrade this role") as caught:
        state_of(stored(b"x", form=2))
    assert caught.value.reason == "newer-version"


def test_an_earlier_version_can_read_a_cut() -> None:
    assert Cut(1, 2, "t").to_value()[:4] == b"FLC1"
