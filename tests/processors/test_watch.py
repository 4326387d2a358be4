"""Views of siblings are the same however records are cut into batches: a batch of one is the definition."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.records import Snapshot
from fleetleak.stream import Key, Record
from processors.place.placed import Placed
from processors.place.siblings import VIEW_SECONDS, Sibling, SiblingView
from processors.place.stored import decode
from processors.place.watch import watch
from tests.processors.front import Front
from tests.processors.odd_streams import CUTS, FORGET, Event, events, random_records, records
from tests.processors.series import MIB, START, pieces, record, role, snapshot
from tests.unit.strategies import REPEATABLE

Suspects = Callable[[int], bool]
LONG = 1e9


class Watcher(Front):
    """What the scoring role does with the siblings, without the scores.

    Attributes
    ----------
    views
        The view at each suspected record, by its offset.
    """

    def __init__(self, suspects: Suspects, forget: float = LONG) -> None:
        super().__init__(forget)
        self.views: dict[int, Any] = {}
        self._suspects = suspects

    def take(self, batch: Sequence[Record]) -> None:
        """Place and watch a batch of records."""
        for placed in self.place(batch):
            self._watch(placed.take(np.flatnonzero(placed.sizes.known)))

    def _watch(self, placed: Placed) -> None:
        offsets = placed.snapshots.records.offsets
        suspected = np.array([self._suspects(offset) for offset in offsets], dtype=np.bool_)
        views = watch(self.services, placed, suspected, placed.restarted)
        assert list(views) == np.flatnonzero(suspected).tolist()
        self.views |= {offsets[at]: msgspec.to_builtins(view) for at, view in views.items()}

    @property
    def memory(self) -> dict[Key, Any]:
        """What the siblings know, by service: the view, and each instance as of its newest scored record."""
        one = self.services.instances
        columns = (one.seen, one.gap, one.began, one.memory, one.suspected)
        return {
            key: (
                msgspec.to_builtins(service.siblings),
                self.services.times.viewed.item(service.row),
                [
                    (name, one.versions[row], repr([column.item(row) for column in columns]))
                    for name, row in service.instances.items()
                ],
            )
            for key, service in self.services.in_memory.items()
        }


def watched(stream: Sequence[Record], size: int, suspects: Suspects, forget: float = LONG) -> Watcher:
    """Watch a stream in batches of a size; 0 is all at once."""
    watcher = Watcher(suspects, forget)
    for batch in pieces(stream, itertools.repeat(size or len(stream))):
        watcher.take(batch)
    return watcher


def some(offset: int) -> bool:
    """Return whether a record is suspected: a third are."""
    return random.Random(offset).random() < 0.3


def assert_all_cuts_agree(stream: Sequence[Record], suspects: Suspects, forget: float = LONG) -> Watcher:
    """Return what came of batches of one."""
    wanted = watched(stream, 1, suspects, forget)
    for size in CUTS[1:]:
        watcher = watched(stream, size, suspects, forget)
        assert watcher.views == wanted.views
        assert watcher.memory == wanted.memory
    return wanted


def fleet(seed: int, instances: int, size: int) -> list[Record]:
    """Return the records of a service of many instances: deploys, roll-backs, restarts."""
    rng = random.Random(seed)
    versions, started = dict.fromkeys(range(instances), "1"), dict.fromkeys(range(instances), START - 100.0)
    stream: list[Record] = []
    now = START
    for offset in range(size):
        now += (
            rng.choice([0.0, 1.0, 3.0, 20.0]) if rng.random() < 0.99 else rng.choice([290.0, 310.0, 1000.0])
        )
        number = rng.randrange(instances) if rng.random() < 0.5 else rng.randrange(max(1, instances // 4))
        if rng.random() < 0.1:
            versions[number] = rng.choice("123")
        if rng.random() < 0.05:
            started[number] = now - rng.choice([0.0, 2.0, 50.0, 500.0])
        one = Snapshot(
            service="s" if rng.random() < 0.9 else "t",
            instance=f"i{number}",
            timestamp=now,
            version=versions[number] if rng.random() < 0.95 else None,
            host=rng.choice(["a", "b"]) if rng.random() < 0.1 else None,
            started=started[number] if rng.random() < 0.9 else None,
            used=300 * MIB + rng.randrange(MIB),
            total=2**34 if rng.random() < 0.95 else None,
        )
        stream.append(record(one, offset))
    return stream


def defined(stream: Sequence[Record], suspects: Suspects) -> tuple[dict[int, Any], dict[bytes, SiblingView]]:
    """Watch measured records one by one, with a dict of siblings. None of them is late or forgotten."""
    decode_snapshot = msgspec.json.Decoder(Snapshot).decode
    found: dict[int, Any] = {}
    views: dict[bytes, SiblingView] = {}
    families: dict[bytes, dict[str, Sibling]] = {}
    newest: dict[tuple[bytes, str], tuple[float, float | None]] = {}
    for one in stream:
        key, read = one.key or b"", decode_snapshot(one.value or b"")
        time, began = read.timestamp, read.started
        before, began_before = newest.get((key, read.instance), (-1.0, None))
        if time <= before:
            continue
        newest[key, read.instance] = time, began_before if began is None else began
        new_run = (
            began is not None
            and began_before is not None
            and began - began_before > 5.0
            and began > before - 60.0
        )
        family, view = families.setdefault(key, {}), views.setdefault(key, SiblingView())
        gap = time - before if before >= 0 else 0.0
        if read.total is None:
            # It has a place among the siblings, but nothing is known of it yet.
            family.setdefault(read.instance, Sibling(-1.0, 0.0, np.nan, 0.0, False, None))
            continue
        view.runs += new_run or read.instance not in family or family[read.instance].seen < 0
        family[read.instance] = Sibling(
            time,
            gap,
            np.nan if began is None else began,
            float(read.used or 0),
            suspects(one.offset),
            read.version,
        )
        if time - view.viewed >= VIEW_SECONDS:
            view.look(time, family.values())
        if suspects(one.offset):
            found[one.offset] = msgspec.to_builtins(view)
    return found, views


@pytest.mark.parametrize("suspects", [some, lambda _: False, lambda _: True])
@pytest.mark.parametrize(("seed", "instances"), [(1, 1), (2, 2), (3, 25), (4, 200)])
def test_views_of_many_siblings_are_the_same_in_all_cuts(
    seed: int, instances: int, suspects: Suspects
) -> None:
    stream = fleet(seed, instances, 800)
    wanted = assert_all_cuts_agree(stream, suspects)
    views, services = defined(stream, suspects)
    assert wanted.views == views
    assert {key.name: memory[0] for key, memory in wanted.memory.items()} == {
        name: msgspec.to_builtins(view) for name, view in services.items()
    }
    assert {count.version for count in services[b"s"].versions} >= {"1", "2", "3"}
    assert services[b"s"].runs > instances / 2


@given(st.lists(events(), max_size=50), st.sets(st.integers(0, 49)))
@REPEATABLE
def test_views_of_any_stream_are_the_same_in_all_cuts(stream: list[Event], suspects: set[int]) -> None:
    assert_all_cuts_agree(records(stream), suspects.__contains__, FORGET)


@pytest.mark.parametrize("seed", range(3))
def test_views_of_a_long_stream_are_the_same_in_all_cuts(seed: int) -> None:
    wanted = assert_all_cuts_agree(random_records(seed, 1000), some, FORGET)
    assert len(wanted.views) > 100


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2", None]), st.integers(0, 5)), max_size=30
    ),
    st.integers(1, 30),
)
@REPEATABLE
def test_versions_that_come_and_go_are_the_same_in_any_cut(
    stream: list[tuple[str, str | None, int]], size: int
) -> None:
    ticks = itertools.accumulate(gap for *_, gap in stream)
    made = [
        record(snapshot("s", tick, MIB, instance=name, version=version), at)
        for at, (tick, (name, version, _)) in enumerate(zip(ticks, stream, strict=True))
    ]
    one, other = watched(made, 1, some), watched(made, size, some)
    assert (other.views, other.memory) == (one.views, one.memory)


# What was once seen otherwise.


def versions_stored(batches: Sequence[Sequence[str]]) -> list[str | None]:
    """Return the stored version of an instance after batches of records with these versions."""
    scoring, tick = role(), 0
    for versions in batches:
        batch = []
        for version in versions:
            batch.append(record(snapshot("s", tick, 100 * MIB, version=version), tick))
            tick += 1
        scoring.apply(batch)
    return [one.version for one in decode(scoring.dump([Key(0, b"s")])[0] or b"").instances]


@pytest.mark.parametrize(
    "batches", [["A", "B", "A"], ["A", "BA"], ["AB", "A"], ["ABA"], ["AB", "A", "BA"], ["ABA", "BBABA"]]
)
def test_the_version_before_may_come_back_in_the_same_batch(batches: list[str]) -> None:
    assert versions_stored(batches) == ["A"]


def test_a_version_is_noted_where_the_number_of_a_forgotten_identity_is_used_again() -> None:
    """The first identity is forgotten between the batches; the new one gets its number."""
    first = ["A", *map(str, range(16)), "A"]
    assert versions_stored([first, ["B"]]) == ["B"]
    assert versions_stored([first, ["C", "B"]]) == ["B"]


def test_a_restart_of_an_instance_without_a_scored_record_counts_once() -> None:
    """Its first record cannot be measured; the next one restarts; the third has another version."""
    unmeasured = snapshot("s", 0, MIB, limit=None, total=None, started=START - 100.0)
    restarted = [snapshot("s", tick, MIB, started=START + 20.0, version=f"{tick}") for tick in (1, 2)]
    stream = [record(one, at) for at, one in enumerate([unmeasured, *restarted])]
    wanted = assert_all_cuts_agree(stream, some)
    assert wanted.services.in_memory[Key(0, b"s")].siblings.runs == 1
