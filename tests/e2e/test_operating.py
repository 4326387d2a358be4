"""The work of an operator on a running system: label, list, report, move models, repair records."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from fleetleak.kafka import topics
from fleetleak.records import Alert, Decoder, Snapshot, encode
from fleetleak.settings import Settings
from tests.e2e.support import environment, running
from tests.kafka.support import read_all, send, wait_for
from tests.sinks.support import held

pytestmark = pytest.mark.kafka

ROLES = {"processor": ["processor"], "alerting": ["sink", "alerting"]}
BEGIN = time.time() - 86400


def _run(settings: Settings, words: tuple[str, ...], code: int) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "fleetleak_app", *words],
        env=environment(settings), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


def fleetleak(settings: Settings, *words: str) -> str:
    """Run a command to its end, and return its output."""
    return _run(settings, words, 0).stdout


def refused(settings: Settings, *words: str) -> str:
    """Run a command that fails, and return its error output."""
    return _run(settings, words, 1).stderr


def leaking(ticks: range, service: str = "checkout", oom_kills: int = 0) -> list[tuple[bytes, bytes]]:
    return [(service.encode(), encode(snapshot(t, 200 + 2 * t + t % 3, service, oom_kills))) for t in ticks]


def snapshot(tick: int, used_mib: float, service: str, oom_kills: int) -> Snapshot:
    used = int(used_mib * 2**20)
    return Snapshot(
        service=service,
        instance=f"{service}-0",
        timestamp=BEGIN + 30.0 * tick,
        scope="container",
        used=used,
        anon=used,
        limit=2**30,
        limit_name="memory.max",
        limit_used=used,
        oom_kills=oom_kills,
    )


def test_alerts_are_listed_reported_and_labelled(settings: Settings, tmp_path: Path) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    with running(settings, tmp_path, ROLES) as roles:
        send(settings, names.snapshots, leaking(range(200)))
        wait_for(lambda: bool(read_all(settings, names.alerts)), what="an alert")
        listed = json.loads(fleetleak(settings, "alerts", "--json"))
        assert [(a["service"], a["state"] != "resolved") for a in listed] == [("checkout", True)]
        assert "memory.max" in fleetleak(settings, "alerts")

        send(settings, names.snapshots, leaking(range(200, 201), oom_kills=1))
        wait_for(
            lambda: json.loads(fleetleak(settings, "report", "--json"))["warned"] == 1, what="the report"
        )
        assert "warned" in fleetleak(settings, "report")

        send(settings, names.snapshots, leaking(range(300, 500), "cache"))
        wait_for(lambda: "cache@" in fleetleak(settings, "alerts"), what="a second alert")
        fleetleak(settings, "label", "cache", "not-a-leak", "--author", "ann", "--reason", "it fills up")
        wait_for(lambda: "cache@" not in fleetleak(settings, "alerts"), what="the label's effect")
        last = [
            Decoder(Alert).decode(v)
            for _, k, v in read_all(settings, names.alerts)
            if k.startswith(b"cache@")
        ][-1]
        assert last.closed_by == "ann said not-a-leak: it fills up"
        # The growth goes on, and the label holds.
        send(settings, names.snapshots, leaking(range(500, 520), "cache"))
        wait_for(lambda: len(read_all(settings, names.scores)) == 421, what="scores of what goes on")
        assert "cache@" not in fleetleak(settings, "alerts")
        assert '"alert firing: checkout@' in roles["alerting"].log()
        assert '"alert resolved: cache@' in roles["alerting"].log()


def test_what_does_not_exist_is_refused(settings: Settings, tmp_path: Path) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    with running(settings, tmp_path, {"processor": ["processor"]}):
        send(settings, names.snapshots, leaking(range(3)))
        wait_for(lambda: len(read_all(settings, names.scores)) == 3, what="scores")
        assert "there is no service checkot" in refused(settings, "label", "checkot", "not-a-leak")
        assert "no alert with this key" in refused(settings, "label", "checkout@1", "leak")
        assert "there is no service nosuch" in refused(settings, "models", "delete", "nosuch")
        # Of a service in its first minutes no state is stored yet.
        assert "not-a-leak" in fleetleak(settings, "label", "checkout", "not-a-leak")


def leaking_scores(service: str, count: int) -> list[tuple[bytes, bytes]]:
    begin = time.time() - 3600
    made = [held(n) for n in range(count)]
    return [
        (service.encode(), encode(replace(s, service=service, time=begin + s.time, onset=begin)))
        for s in made
    ]


def test_a_decision_is_explained_taught_and_tried_with_other_rules(
    settings: Settings, tmp_path: Path
) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    entry = '[[whitelist]]\nwhere = { service = "shop" }\nuntil = 2099-01-01\nreason = "a cache"\n'
    (rules := tmp_path / "rules.toml").write_text(entry)
    often = {"FLEETLEAK_RUNTIME_CHECKPOINT_INTERVAL_SECONDS": "0.3"}

    def whitelist() -> list[dict[str, object]]:
        rows: list[dict[str, object]] = json.loads(fleetleak(settings, "whitelist", "list", "shop", "--json"))
        return rows

    with running(settings, tmp_path, {"alerting": ["sink", "alerting"]}, **often):
        send(settings, names.scores, [*leaking_scores("shop", 30), *leaking_scores("other", 30)])
        wait_for(lambda: len(read_all(settings, names.alerts)) >= 2, what="alerts")
        told = json.loads(fleetleak(settings, "explain", "shop", "--json"))
        assert (told["alert"], told["ended"], told["key"]) == (True, False, told["published"]["key"])
        assert told["published"]["state"] != "resolved"

        said = fleetleak(settings, "label", told["key"], "not-a-leak", "--author", "ann")
        assert f"ann labelled {told['key']}: not-a-leak" in said
        assert "the alert ends" in said
        for person in ("bob", "cat"):
            fleetleak(settings, "label", "shop", "not-a-leak", "--author", person)
        wait_for(lambda: len(whitelist()) == 1, what="a condition")
        (row,) = whitelist()
        assert (row["service"], row["number"], row["kind"]) == ("shop", 1, "linear")
        said = fleetleak(settings, "whitelist", "explain", "shop", "1")
        assert "alerts again: a growth faster than " in said
        assert "because cat said not a leak on " in said
        listed = fleetleak(settings, "whitelist", "list", "--policy-file", str(rules))
        assert "policy file: service is shop\n  until 1 Jan 00:00 UTC: a cache" in listed
        assert "shop has no whitelist condition 2: it has 1" in refused(
            settings, "whitelist", "revoke", "shop", "2"
        )
        said = fleetleak(settings, "explain", "shop")
        assert "has ended since" in said
        assert "since then  ann said not-a-leak on " in said

        assert "shop 1 is revoked" in fleetleak(settings, "whitelist", "revoke", "shop", "1")
        wait_for(lambda: whitelist() == [], what="the end of the condition")

    assert "it has scores of a-1" in refused(settings, "explain", "shop", "--instance", "b")
    assert "scores are kept for 8 days (setting topics.score_hours)" in refused(
        settings, "explain", "shop", "--at", "2020-01-01"
    )
    assert "there is no service nosuch" in refused(settings, "explain", "nosuch")
    assert "no stored state of a service nosuch" in refused(settings, "whitelist", "list", "nosuch")

    tried = json.loads(fleetleak(settings, "policy", "test", "--rules", str(rules), "--json"))
    assert [(one["service"], one["change"]) for one in tried["differences"]] == [("shop", "disappears")]
    same = fleetleak(settings, "policy", "test", "--rules", str(rules), "--policy-file", str(rules))
    assert same == "no difference: 1 alerts on 60 scores\n"


def test_what_is_watched_is_listed_before_any_state_is_stored(settings: Settings, tmp_path: Path) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    assert "is `fleetleak producer` running?" in fleetleak(settings, "watched")
    send(settings, names.snapshots, leaking(range(3)))
    (unscored,) = json.loads(fleetleak(settings, "watched", "--json"))
    assert (unscored["service"], unscored["state"], unscored["limit"]) == ("checkout", "not scored", 2**30)
    with running(settings, tmp_path, ROLES):
        send(settings, names.snapshots, leaking(range(3, 200)))
        wait_for(lambda: "checkout@" in fleetleak(settings, "alerts"), what="an alert")
        (alerted,) = json.loads(fleetleak(settings, "watched", "--json"))
        assert (alerted["state"], alerted["limit_name"]) == ("firing", "memory.max")
        send(settings, names.snapshots, [(b"flat", encode(snapshot(t, 100, "flat", 0))) for t in range(5)])
        wait_for(lambda: "nothing grows" in fleetleak(settings, "watched", "flat"), what="a flat service")
        listed = fleetleak(settings, "watched")
    assert all(len(line) <= 80 for line in listed.splitlines())
    assert listed.splitlines()[1].startswith("checkout")


def test_models_are_listed_shown_moved_and_deleted(settings: Settings, tmp_path: Path) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    file = str(tmp_path / "checkout.json")

    def stored() -> set[str]:
        return {row["service"] for row in json.loads(fleetleak(settings, "models", "list", "--json"))}

    with running(settings, tmp_path, {"processor": ["processor"]}) as roles:
        send(settings, names.snapshots, leaking(range(50)))
        wait_for(lambda: len(read_all(settings, names.scores)) == 50, what="scores")
        roles["processor"].end()
    shown = json.loads(fleetleak(settings, "models", "show", "checkout", "--json"))
    assert "HalfSpaceTrees" in shown["service"]["half_space_trees"]["river"]
    assert list(shown["instances"]) == ["checkout-0"]
    fleetleak(settings, "models", "export", "checkout", "--file", file)
    with running(settings, tmp_path, {"processor": ["processor"]}):
        fleetleak(settings, "models", "import", "--file", file, "--as", "payments")
        wait_for(lambda: stored() == {"checkout", "payments"}, what="the import")
        fleetleak(settings, "models", "delete", "checkout")
        wait_for(lambda: stored() == {"payments"}, what="the deletion")


def test_repaired_dead_letters_go_back_in_order(settings: Settings, tmp_path: Path) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    good = [value for _, value in leaking(range(20))]
    newer = [value.replace(b"snapshot/1", b"snapshot/2") for value in good]
    repaired = tmp_path / "repaired.jsonl"
    with running(settings, tmp_path, {"processor": ["processor"]}):
        send(settings, names.snapshots, [(b"checkout", good[5]), *((b"checkout", v) for v in newer)])
        wait_for(lambda: len(read_all(settings, names.dead_letter)) == 20, what="dead letters")
        fleetleak(settings, "replay-dead-letters", "--reason", "newer-schema", "--export", str(repaired))
        repaired.write_bytes(repaired.read_bytes().replace(b"snapshot/2", b"snapshot/1"))
        said = fleetleak(settings, "replay-dead-letters", "--repaired", str(repaired))
        assert "14 sent" in said
        assert "6 refused as late" in said
        wait_for(lambda: len(read_all(settings, names.scores)) == 15, what="their scores")
