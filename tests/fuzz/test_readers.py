"""Commands that read a topic say what they could not read, and continue."""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer, cimpl

from fleetleak.kafka import client, topics
from fleetleak.records import Alert, Label, Score, Snapshot, encode
from fleetleak.settings import Settings
from fleetleak.stream import Key
from fleetleak.stream.checkpoint import RAW, Checkpoint, record_key, seal, to_records
from fleetleak.stream.dead_letter import headers
from fleetleak.stream.role import Record, Rejected
from tests.e2e.support import environment
from tests.fuzz.odd import DEEP
from tests.processors.series import record, role, snapshot

pytestmark = pytest.mark.kafka

START = 1_790_000_000.0
LONG = "\U0001f600" * 256
GARBAGE: list[tuple[bytes | None, bytes | None, Any]] = [
    (None, None, None),
    (b"", b"", []),
    (b"\xff", b"\xff", [("\U0001f600", b"\xff"), ("fleetleak-topic", None), ("fleetleak-offset", b"x")]),
    (b"k", b'{"schema":"alert/2"}', None),
    (b"k", b'{"schema":"score/2"}', None),
    (b"k", b'{"schema":"label/2"}', None),
    (b"k", b'{"schema":"alert/1","key":"k"}', None),
    (b"r", seal(b"\xc1"), None),
    *((b"k", value[:110_000], None) for value in DEEP),
]


def put(settings: Settings, topic: str, *records: tuple[bytes | None, bytes | None, Any]) -> None:
    refused: list[KafkaError] = []
    producer = Producer(client.producer(settings.kafka))
    for key, value, more_headers in records:
        producer.produce(
            topic,
            value,
            key,
            0,
            headers=more_headers,
            on_delivery=lambda error, _: refused.append(error) if error else None,
        )
    assert (producer.flush(30), refused) == (0, [])


def run(settings: Settings, *words: str) -> tuple[str, list[str]]:
    """Run a command to its end; return its output, and its lines about records that it could not read."""
    done = subprocess.run(
        [sys.executable, "-m", "fleetleak_app", *words],
        env=environment(settings), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    form = r"fleetleak: \d+ records? of t\w+\.[\w-]+ could not be read \([\w, -]+\),"
    form += r" the first at partition 0 offset \d+: .+"
    assert [line for line in lines if not re.fullmatch(f"{form}|fleetleak: the state of .*", line)] == []
    return done.stdout, lines


def alert(service: str) -> Alert:
    return Alert(
        key=f"{service}@1790000000", state="firing", service=service, instance=service, time=START,
        since=START, severity="high", kind="linear", confidence=0.9, summary="grows", recommendation="look",
    )  # fmt: skip


def score(service: str, time: float, oom_kills: int) -> Score:
    return Score(
        service=service, instance=service, time=START + time, input_partition=0, input_offset=0,
        scope="container", oom_kills=oom_kills,
    )  # fmt: skip


def scored(service: bytes) -> bytes:
    """Return the state of a service in a processor."""
    scoring = role()
    taken = [snapshot(service.decode(), tick, 2**28) for tick in range(5)]
    scoring.apply([record(one, offset) for offset, one in enumerate(taken)])
    state = scoring.dump([Key(0, service)])[0]
    assert state is not None
    return state


def stored(service: bytes, state: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    return to_records(service, Checkpoint(7, "id", "scoring/2", [], 1, state, RAW), 0)


@pytest.fixture
def littered(settings: Settings) -> Settings:
    """Topics with garbage before and behind the valid records."""
    names = topics.names(settings.kafka.topic_prefix)
    states = [*stored(b"kept", scored(b"kept")), *stored(b"odd", b"no state")]
    label = Label(service=LONG, verdict="leak", author="ann", time=START + 60, alert=alert(LONG).key)
    refused = encode(Snapshot(service="again", instance="i", timestamp=START))
    letter = headers(
        Rejected(Record(0, 1, b"again", refused, 0.0, topic=names.snapshots), "failed", "it did")
    )
    sound: dict[str, list[tuple[bytes | None, bytes | None, Any]]] = {
        names.alerts: [(b"k", encode(alert(service)), None) for service in (LONG, "short")],
        names.scores: [(b"short", encode(score("short", 60.0 * kills, kills)), None) for kills in (1, 2)],
        names.models: [(key, value, None) for key, value in states],
        names.feedback: [(LONG.encode(), encode(label), None)],
        names.dead_letter: [(b"again", refused, letter)],
    }
    for topic in [spec.under(settings.kafka.topic_prefix) for spec in topics.SPECS]:
        # Brokers take no record without a key where records are compacted.
        compacted = topic in (names.models, names.alert_state, names.sent, names.assembly)
        garbage = [one for one in GARBAGE if one[0] is not None or not compacted]
        put(settings, topic, *garbage, *sound.get(topic, []), *garbage)
    put(settings, names.models, (record_key(b"foreign", 0), b"x", None))
    return settings


def put_header_that_is_no_text(settings: Settings, topic: str) -> None:
    """Send a record with a header whose name is no UTF-8. Python's client cannot send it, others can."""
    library = ctypes.CDLL(str(cimpl.__file__))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, name).restype = ctypes.c_void_p
    configuration = ctypes.c_void_p(library.rd_kafka_conf_new())
    servers = settings.kafka.bootstrap_servers.encode()
    library.rd_kafka_conf_set(configuration, b"bootstrap.servers", servers, None, ctypes.c_size_t(0))
    producer = ctypes.c_void_p(library.rd_kafka_new(0, configuration, None, ctypes.c_size_t(0)))
    header_list = ctypes.c_void_p(library.rd_kafka_headers_new(ctypes.c_size_t(1)))
    library.rd_kafka_header_add(header_list, b"\xff", ctypes.c_ssize_t(1), b"x", ctypes.c_ssize_t(1))
    # The numbers are those of RD_KAFKA_VTYPE: topic, partition, headers, and the end.
    assert (
        library.rd_kafka_producev(producer, 1, topic.encode(), 3, ctypes.c_int32(0), 10, header_list, 0) == 0
    )
    assert library.rd_kafka_flush(producer, 30_000) == 0
    library.rd_kafka_destroy(producer)


def counted(lines: list[str]) -> dict[str, int]:
    """Return how many records of each topic were skipped."""
    matches = [re.match(r"fleetleak: (\d+) records? of t\w+\.([\w-]+)", line) for line in lines]
    return {one[2]: int(one[1]) for one in matches if one is not None}


def test_every_reader_passes_over_what_it_cannot_read(littered: Settings) -> None:
    twice = 2 * len(GARBAGE)
    listed, said = run(littered, "alerts", "--json")
    assert [a["service"] for a in json.loads(listed)] == ["short", LONG]
    assert counted(said) == {"alerts": twice}
    assert LONG in run(littered, "alerts")[0]

    reported, said = run(littered, "report", "--json")
    assert (json.loads(reported)["warned"], counted(said)) == (1, {"alerts": twice, "scores": twice})

    compared, said = run(littered, "tracks", "compare", "--json")
    (main,) = json.loads(compared)["tracks"]
    assert (main["track"], main["right"]) == ("main", 1)
    assert set(counted(said)) == {"alerts", "silent-alerts", "feedback", "models"}
    assert run(littered, "tracks", "auto")[0].startswith("nothing promoted: 1 labels")


def test_stored_state_is_listed_and_shown_beside_what_is_none(littered: Settings) -> None:
    models, said = run(littered, "models", "list", "--json")
    problems = {row["service"]: row["problem"] for row in json.loads(models)}
    assert problems == {"kept": None, "odd": None, "foreign": "not a checkpoint"}
    # Those whose key is none of ours, and the checkpoint that cannot be read.
    assert [line.split(" could not be read ")[1].split(",")[0] for line in said] == [
        f"({2 * len(GARBAGE) - 4} foreign)", "(1 foreign)",
    ]  # fmt: skip
    assert "not a checkpoint" in run(littered, "models", "list")[0]
    assert list(json.loads(run(littered, "models", "show", "kept", "--json")[0])["instances"]) == ["kept-0"]
    seen, said = run(littered, "models", "sensitivity", "--json")
    assert {row["service"] for row in json.loads(seen)} <= {"kept"}
    assert any(line.startswith("fleetleak: the state of odd cannot be read: ") for line in said)


def test_dead_letters_are_sent_again_past_what_is_none(littered: Settings) -> None:
    names = topics.names(littered.kafka.topic_prefix)
    for _ in range(20):
        put_header_that_is_no_text(littered, names.dead_letter)
    sent, said = run(littered, "replay-dead-letters")
    assert (sent, counted(said)) == (
        "1 sent\n",
        {"dead-letter": 2 * len(GARBAGE) + 20, "scores": 2 * len(GARBAGE)},
    )
