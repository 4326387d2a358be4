"""The recordings of a real Collector: complete, small, and naming nothing but node-a."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.collector import fixtures
from tests.collector.fixtures import RECORDED, messages
from tests.collector.record import COLLECTIONS, RECORDINGS
from tests.collector.sources import SOURCES

_MOST_BYTES = 150_000
each = pytest.mark.parametrize("name", RECORDINGS)


def test_every_file_is_one_that_can_be_recorded_again() -> None:
    assert {path.stem for path in RECORDED.glob("*.otlp")} == set(RECORDINGS)


@each
def test_it_holds_three_collections(name: str) -> None:
    source, export = RECORDINGS[name]
    assert len(messages(name)) == COLLECTIONS * (SOURCES[source].messages if export.keyed else 1)


@each
def test_it_is_small_and_names_no_path_of_the_machine(name: str) -> None:
    data = (RECORDED / f"{name}.otlp").read_bytes()
    assert len(data) < _MOST_BYTES
    assert not [path for path in (b"/tmp/", b"/home/", b"/root/") if path in data]


@pytest.mark.parametrize("source", SOURCES)
def test_a_resource_has_one_key(source: str) -> None:
    keys: dict[str, set[bytes | None]] = {}
    for key, value in messages(f"{source}-json"):
        (entry,) = json.loads(value)["resourceMetrics"]
        # Attributes have no order: docker_stats gives labels in another one each time.
        attributes = sorted(json.dumps(attribute) for attribute in entry["resource"]["attributes"])
        keys.setdefault(" ".join(attributes), set()).add(key)
    assert len(keys) > 1
    assert len(set.union(*keys.values())) == len(keys)
    assert {len(key or b"") for found in keys.values() for key in found} == {16}


def test_without_keys_all_resources_are_in_one_message() -> None:
    recorded = messages("host_metrics-unkeyed")
    assert {key for key, _ in recorded} == {None}
    assert all(value.count(b"process.pid") == 2 for _, value in recorded)


def test_what_is_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = [(None, b"one"), (b"", b""), (b"key", b"\xff\xff\xff\xff")]
    fixtures.write(tmp_path / "some.otlp", written)
    monkeypatch.setattr(fixtures, "RECORDED", tmp_path)
    assert messages("some") == written
