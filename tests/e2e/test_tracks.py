"""Two tracks as processes on a real Kafka, one active and one silent: promote, compare, roll back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fleetleak.kafka import topics
from fleetleak.records import Alert, Decoder, Forecast, Label, Score, Snapshot, Trend, encode
from fleetleak.settings import Settings
from tests.e2e.support import environment, running
from tests.kafka.support import read_all, send, wait_for

pytestmark = pytest.mark.kafka

MIB = 2**20
START = 1_790_000_000.0
TRACK = ["--kafka-track", "bold"]
SINKS = {
    "main": ["sink", "alerting"],
    "bold": ["sink", "alerting", *TRACK, "--alerting-fire-confidence", "0.3"],
}


def fleetleak(settings: Settings, *words: str, code: int = 0) -> str:
    """Run a command to its end; return its output, or its error output if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "fleetleak_app", *words],
        env=environment(settings), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def asked(settings: Settings, *words: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(fleetleak(settings, "tracks", *words, "--json").splitlines()[-1])
    return answer


def score(service: str, tick: int, confidence: float) -> Score:
    time, used = START + 60.0 * tick, (100 + tick) * MIB
    return Score(
        service=service, instance=f"{service}-0", time=time, input_partition=0, input_offset=tick,
        used=used, memory=used, room_used=0.4, kind="linear", confidence=confidence, onset=START,
        trend=Trend(
            growth=MIB / 60, growth_low=MIB / 61, growth_high=MIB / 59, window=600.0, rise=50.0 * MIB,
            level=(100.0 + tick) * MIB, strength=0.9,
        ),
        forecast=Forecast(
            eta=time + 9000, eta_low=time + 7000, eta_high=time + 12000, limit=1024 * MIB,
            limit_name="memory.max", limit_used=used,
        ),
    )  # fmt: skip


def put_scores(settings: Settings, ticks: range, confidences: dict[str, float]) -> None:
    """Publish the same scores on the topic of each track."""
    scores = [score(s, tick, confidence) for s, confidence in confidences.items() for tick in ticks]
    records = [(one.service.encode(), encode(one)) for one in scores]
    for track in SINKS:
        send(settings, topics.names(settings.kafka.topic_prefix, track).scores, records)


def standing(settings: Settings, topic: str) -> set[tuple[str, str]]:
    """Return track and service of the firing alerts, for a consumer that reads only this topic."""
    decode = Decoder(Alert).decode
    newest = {key: decode(value) for _, key, value in read_all(settings, topic)}
    return {(alert.track, alert.service) for alert in newest.values() if alert.state != "resolved"}


def wait_for_standing(settings: Settings, told: Iterable[str], silent: Iterable[str]) -> None:
    """Wait until exactly these alerts are firing on each topic, as `track service`."""
    names = topics.names(settings.kafka.topic_prefix)
    for topic, wanted in ((names.alerts, told), (names.silent_alerts, silent)):
        expected = {(one.split()[0], one.split()[1]) for one in wanted}
        wait_for(lambda: standing(settings, topic) == expected, what=f"{expected} on {topic}")  # noqa: B023 - called at once


BOLD = ["bold clear", "bold faint"]


def test_a_challenger_is_compared_promoted_and_rolled_back(settings: Settings, tmp_path: Path) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    refused = fleetleak(settings, "tracks", "promote", "bold", code=1)
    assert "`fleetleak topics create --kafka-track bold`" in refused
    fleetleak(settings, "topics", "create", *TRACK)
    nothing = fleetleak(settings, "tracks", "rollback", code=1)
    assert nothing == "fleetleak: no track was promoted yet, so there is none to go back to\n"
    with running(settings, tmp_path, SINKS) as roles:
        put_scores(settings, range(5), {"clear": 0.9, "faint": 0.4})
        wait_for_standing(settings, ["main clear"], BOLD)
        assert asked(settings, "promote", "bold", "--reason", "a try") == {
            "promoted": "bold", "before": "main", "why": "a try",
        }  # fmt: skip
        wait_for_standing(settings, BOLD, ["main clear"])
        for role in roles.values():
            role.end()
    closed = {Decoder(Alert).decode(value).closed_by for _, _, value in read_all(settings, names.alerts)}
    assert closed == {None, "track bold was promoted"}
    assert asked(settings, "compare")["speaking"] == "bold"

    with running(settings, tmp_path, SINKS) as roles:
        put_scores(settings, range(5, 10), {"new": 0.4})
        wait_for_standing(settings, [*BOLD, "bold new"], ["main clear"])
        assert asked(settings, "rollback")["promoted"] == "main"
        wait_for_standing(settings, ["main clear"], [*BOLD, "bold new"])
        for role in roles.values():
            role.end()


def test_the_rule_promotes_who_is_right(settings: Settings, tmp_path: Path) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    faint = [f"faint{n}" for n in range(5)]
    fleetleak(settings, "topics", "create", *TRACK)
    with running(settings, tmp_path, SINKS):
        put_scores(settings, range(5), {"clear": 0.9, **dict.fromkeys(faint, 0.4)})
        bold = ["bold clear", *(f"bold {service}" for service in faint)]
        wait_for_standing(settings, ["main clear"], bold)
        early = asked(settings, "auto")
        assert (early["promoted"], early["why"]) == (None, "0 labels in the window, 5 are needed")
        for service in faint:
            label = Label(service=service, verdict="leak", author="ann", time=START + 600.0)
            send(settings, names.feedback, [(service.encode(), encode(label)), (service.encode(), b"{")])
        answer = asked(settings, "compare")
        assert [(r["track"], r["right"], r["wrong"], r["missed"]) for r in answer["tracks"]] == [
            ("bold", 5, 0, 0), ("main", 0, 0, 5),
        ]  # fmt: skip
        table = fleetleak(settings, "tracks", "compare").splitlines()
        assert [line.split()[0] for line in table] == ["track", "bold", "main"]
        assert table[2].endswith(" 0  active")
        assert asked(settings, "auto")["promoted"] == "bold"
        wait_for_standing(settings, bold, ["main clear"])
        again = fleetleak(settings, "tracks", "auto")
        assert again.startswith("nothing promoted: main was right in 0.00 of 5 labels, bold in 1.00 of 5")


def test_every_track_scores_and_keeps_the_shared_snapshots(settings: Settings, tmp_path: Path) -> None:
    names, bold = topics.names(settings.kafka.topic_prefix), topics.names(settings.kafka.topic_prefix, "bold")
    fleetleak(settings, "topics", "create", *TRACK)
    processors = {"main": ["processor"], "bold": ["processor", *TRACK]}
    with running(settings, tmp_path, processors) as roles:
        send(settings, names.snapshots, snapshots(range(20)))
        for topic in (names.scores, bold.scores):
            wait_for(lambda: len(read_all(settings, topic)) == 20, what=f"scores on {topic}")  # noqa: B023 - called at once
        fleetleak(settings, "tracks", "promote", "bold")
        send(settings, names.snapshots, snapshots(range(20, 40)))
        for topic in (names.scores, bold.scores):
            wait_for(lambda: len(read_all(settings, topic)) == 40, what=f"scores on {topic}")  # noqa: B023 - called at once
        for role in roles.values():
            role.end()
    assert read_all(settings, names.scores) == read_all(settings, bold.scores)
    assert not read_all(settings, names.dead_letter), "a processor passes promotions over"
    for track in ([], TRACK):
        (kept,) = json.loads(fleetleak(settings, "models", "list", "--json", *track))
        assert kept["service"] == "cache"


def snapshots(ticks: range) -> list[tuple[bytes, bytes]]:
    made = [Snapshot(service="cache", instance="cache-0", timestamp=START + 30.0 * t) for t in ticks]
    for tick, one in zip(ticks, made, strict=True):
        one.used = one.anon = one.limit_used = (100 + tick) * MIB
        one.limit, one.limit_name = 1024 * MIB, "memory.max"
    return [(b"cache", encode(one)) for one in made]


def test_wrong_words_are_told_before_anything_is_reached() -> None:
    settings = Settings()
    settings.kafka.bootstrap_servers = "127.0.0.1:1"
    for words in (["promote"], ["compare", "bold"], ["auto", "bold"]):
        assert "promote needs the name of a track" in fleetleak(settings, "tracks", *words, code=1)
    for words in (["compare", "--days", "0"], ["auto", "--least-labels", "0"]):
        assert "--days must be above 0" in fleetleak(settings, "tracks", *words, code=1)
