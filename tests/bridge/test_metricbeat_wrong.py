"""Metricbeat: what is wrong, twice or of no use in events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bridge.metricbeat import (
    CONTAINER,
    DOCKER,
    INSTANCE,
    MEMORY,
    NODE,
    PROCESS,
    SECRET,
    STATE,
    container,
    read,
    state,
    text_of,
)
from tests.bridge.support_collectd import BEGIN, MIB


def test_duplicates() -> None:
    outcome = read(CONTAINER, CONTAINER, MEMORY, MEMORY, state(), state())
    assert sorted(one.service for one in outcome.snapshots) == ["host/n1", "shop/cart/cart"]
    assert outcome.not_assembled == {"repeated": 2}


@pytest.mark.parametrize("wrong", ["much", "NaN", "+Inf", -1, 1e30, 10**400, [1], {"x": 1}, True, "2024"])
def test_a_wrong_value_costs_no_other(wrong: object) -> None:
    outcome = read(container(has={"memory__rss__bytes": wrong}))
    (snapshot,) = outcome.snapshots
    assert (snapshot.working_set, snapshot.used) == (96 * MIB, 110 * MIB)
    possible = {True: 1, "2024": 2024}.get(wrong) if isinstance(wrong, bool | str) else None
    assert snapshot.anon == possible
    assert outcome.left == ({} if possible else {"impossible": 1})


@pytest.mark.parametrize("branch", ["memory", "memory__rss", "cpu", "cpu__usage__core"])
@pytest.mark.parametrize("wrong", ["x", 7, 1.5, True, [{"bytes": 1}], {}])
def test_what_is_no_object_tells_nothing(branch: str, wrong: object) -> None:
    outcome = read(container(has={branch: wrong}))
    assert not outcome.refused
    assert bool(outcome.snapshots) == (branch != "memory")


def test_null_is_absent() -> None:
    event = CONTAINER.replace('"rss":{"bytes":62914560}', '"rss":null').replace(
        '"bytes":115343360', '"bytes":null'
    )
    (snapshot,) = read(event).snapshots
    assert (snapshot.anon, snapshot.used, snapshot.working_set) == (None, None, 96 * MIB)


@pytest.mark.parametrize("missing", ["pod", "container__name"])
@pytest.mark.parametrize("wrong", [None, "", {"name": ""}, ["x"]])
def test_a_container_without_a_name(missing: str, wrong: Any) -> None:
    outcome = read(container(**{missing: wrong}))
    assert not outcome.snapshots
    # Of a pod, the name of the container is looked for when the snapshot is made.
    assert (outcome.left, outcome.not_assembled) in (({"nameless": 6}, {}), ({}, {"nameless": 1}))


@pytest.mark.parametrize("event", [MEMORY, PROCESS, NODE, DOCKER])
def test_nothing_without_a_name(event: str) -> None:
    tree = json.loads(event)
    for names in ("host", "agent", "container", "process"):
        tree.pop(names, None)
    tree.get("kubernetes", {}).get("node", {}).pop("name", None)
    outcome = read(json.dumps(tree))
    assert not outcome.snapshots
    assert outcome.left["nameless"] > 0


@pytest.mark.parametrize("time", ["soon", "", 7, "2023-11-14", "0001-01-01T00:00:00Z", ["x"]])
def test_a_wrong_time(time: object) -> None:
    outcome = read(json.dumps(json.loads(NODE) | {"@timestamp": time}))
    assert bool(outcome.snapshots) == (time == "2023-11-14")
    assert outcome.left == ({} if outcome.snapshots else {"no-time": 4})


def test_what_is_of_no_use() -> None:
    other = [
        '{"@timestamp":"2023-11-14T22:13:20.000Z","message":"a line of a log"}',
        '{"@timestamp":"2023-11-14T22:13:20.000Z","metricset":{"name":"container"},"error":{"message":"no"}}',
        '{"@timestamp":"2023-11-14T22:13:20.000Z","kubernetes":{"pod":{"name":"p","memory":{"rss":{"bytes":9}}}}}',
        '{"@timestamp":"2023-11-14T22:13:20.000Z","system":{"cpu":{"cores":4}},"kubernetes":null}',
    ]
    outcome = read(*other)
    assert outcome.unknown == len(other)
    assert not outcome.written


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"\x00\x01" + SECRET.encode(), "malformed"),
        (PROCESS.encode()[:-20], "malformed"),
        (b'{"@timestamp":NaN,"password":"' + SECRET.encode() + b'"}', "malformed"),
        (b'{"@timestamp":"\xff' + SECRET.encode() + b'"}', "malformed"),
        (b'{"@timestamp":"x","kubernetes":' + b'{"container":' * 100_000, "malformed"),
        (b'{"@timestamp":"x","other":' + b"[" * 100_000, "malformed"),
        (b'{"@timestamp":"x","host":{"name":' + b"[" * 100_000, "malformed"),
        (b'{"password":"' + SECRET.encode() + b'"}', "invalid"),
        (b'{"@timestamp":null,"password":"' + SECRET.encode() + b'"}', "invalid"),
        (b"[" + PROCESS.encode() + b"]", "invalid"),
        (b'["' + SECRET.encode() + b'"]', "invalid"),
        (b'"' + SECRET.encode() + b'"', "invalid"),
        (b"null", "invalid"),
    ],
)
def test_what_is_none_is_refused_and_not_quoted(value: bytes, reason: str) -> None:
    outcome = read(value)
    assert [why for why, _ in outcome.refused] == [reason]
    assert not outcome.snapshots
    assert SECRET.encode() not in outcome.written


def test_nothing_else_of_an_event_is_published() -> None:
    labels = {"password": SECRET, "app": SECRET}
    outcome = read(
        PROCESS,
        container(labels=labels, annotations={"token": SECRET}, env={"PASSWORD": SECRET}),
        text_of(DOCKER, docker__container__labels=labels, docker__container__command=SECRET),
        text_of(MEMORY, labels=labels, tags=[SECRET], fields={"password": SECRET}),
        text_of(NODE, kubernetes__labels=labels),
        text_of(STATE, 5, kubernetes__container__status__reason=SECRET, labels=labels),
    )
    assert len(outcome.snapshots) == 5
    assert SECRET.encode() not in outcome.written


def test_bytes_that_are_no_text_matter_only_where_they_are_read() -> None:
    event = PROCESS.encode().replace(b"dockerd --token hunter2", b"dockerd --token \xff\xfe")
    assert len(read(event).snapshots) == 1
    assert read(event).snapshots == read(PROCESS).snapshots


def test_long_names_fit_into_records() -> None:
    (snapshot,) = read(text_of(PROCESS, process__name="x" * 3000)).snapshots
    assert len(snapshot.service) == 256


def test_a_leak_of_a_mebibyte_a_minute_is_there_to_see() -> None:
    leaking = [
        event
        for tick in range(200)
        for event in (
            state(60 * tick),
            container(
                60 * tick,
                has={
                    "memory__rss__bytes": (60 + tick) * MIB,
                    "memory__workingset__bytes": (96 + tick) * MIB,
                    "memory__available__bytes": (416 - tick) * MIB,
                },
            ),
        )
    ]
    snapshots = read(*leaking).snapshots
    assert [one.timestamp for one in snapshots] == [BEGIN + 60 * tick for tick in range(200)]
    assert [one.anon for one in snapshots] == [(60 + tick) * MIB for tick in range(200)]
    assert {(one.instance, one.limit, one.started) for one in snapshots} == {
        (INSTANCE, 512 * MIB, 1_699_992_439.0)
    }
