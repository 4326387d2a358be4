"""What the demo makes of alerts: the leak, once it is there, and nothing else, is a success."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from confluent_kafka import Message
from rich.console import Console

from fleetleak.records import Alert, Score, encode
from fleetleak.records.alert import AlertState
from fleetleak.settings import Settings
from fleetleak_app.cli import main
from fleetleak_app.demo.demo import LEAK, TWIN, Demo, DemoFailed
from fleetleak_app.demo.view import View, table
from fleetleak_app.processes import Processes
from tests.kafka.support import wait_for

BEGINS = 1_790_000_000.0


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Demo(Settings(), False, 60.0, Console(quiet=True))
    made._leak_begins = BEGINS
    return made


def alert(name: str, time: float, state: AlertState = "firing") -> bytes:
    return encode(
        Alert(
            key=f"process/{name}@1", state=state, service=f"process/{name}", instance=f"{name}-1", time=time,
            since=time, severity="early", kind="linear", confidence=0.7, summary="grows",
            recommendation="look",
        )
    )  # fmt: skip


def take(demo: Demo, *alerts: bytes) -> dict[str, object]:
    """Let the demo see alerts; give what it says at the end."""
    for number, value in enumerate(alerts):
        demo._take("p.alerts", value, 60.0 + number)
    found: dict[str, object] = json.loads(demo.outcome.to_json())
    return found


def test_nothing_seen_is_nothing_found(demo: Demo) -> None:
    found = take(demo)
    assert (found["found"], found["seconds_to_alert"], found["false_alerts"]) == (False, None, [])
    assert not demo.outcome.well


def test_the_first_alert_of_the_leak_is_the_outcome(demo: Demo) -> None:
    found = take(demo, alert(LEAK, BEGINS + 20), alert(LEAK, BEGINS + 30, "updated"))
    assert (found["found"], found["seconds_to_alert"], found["false_alerts"]) == (True, 60.0, [])
    assert demo.outcome.well


@pytest.mark.parametrize("order", [1, -1])
def test_an_alert_of_the_twin_spoils_it(demo: Demo, order: int) -> None:
    found = take(demo, *[alert(LEAK, BEGINS + 20), alert(TWIN, BEGINS + 25)][::order])
    assert (found["found"], found["false_alerts"]) == (True, [f"process/{TWIN}@1"])
    assert not demo.outcome.well


def test_an_alert_before_the_leak_began_is_a_false_one(demo: Demo) -> None:
    found = take(demo, alert(LEAK, BEGINS - 1))
    assert (found["found"], found["false_alerts"]) == (False, [f"process/{LEAK}@1"])
    take(demo, alert(LEAK, BEGINS + 20, "updated"))
    assert not demo.outcome.well


def test_what_it_cannot_read_it_passes_over_and_counts(demo: Demo) -> None:
    for topic, value in (("p.alerts", b"{"), ("p.scores", None), ("p.alerts", alert(LEAK, BEGINS + 20))):
        demo._read(Message(topic=topic, partition=0, offset=4, value=value), 60.0)
    assert demo.outcome.well
    lines: list[str] = []
    for skipped in demo._skipped.values():
        skipped.tell(lines.append)
    assert [line.partition(" could")[0] for line in lines] == ["1 record of p.alerts", "1 record of p.scores"]


def test_a_resolved_alert_is_no_new_one(demo: Demo) -> None:
    take(demo, alert(LEAK, BEGINS + 20), alert(TWIN, BEGINS + 25, "resolved"))
    assert demo.outcome.well
    assert demo._firing == {f"{LEAK}-1"}


def test_scores_are_kept_by_instance(demo: Demo) -> None:
    for offset in range(2):
        score = Score(service="s", instance="i", time=BEGINS, input_partition=0, input_offset=offset)
        demo._take("p.scores", encode(score), 1.0)
    assert [score.input_offset for score in demo._scores.values()] == [1]


@pytest.mark.parametrize(("name", "fails"), [("producer", True), (LEAK, False)])
def test_a_part_that_ends_by_itself_ends_the_demo_but_for_the_leak(
    demo: Demo, name: str, fails: bool
) -> None:
    with Processes(demo.directory) as processes:
        processes.start(name, ["fleetleak_app", "--version"], {})
        wait_for(lambda: bool(processes.ended()), what="its end")
        if fails:
            with pytest.raises(DemoFailed, match="producer ended with code 0: fleetleak "):
                demo._check(processes)
        else:
            demo._check(processes)


def test_a_cluster_that_is_away_is_1_and_told_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = main(["demo", "--json", "--bootstrap-servers", "127.0.0.1:1", "--kafka-properties", "log_level=0"])
    out, err = capfd.readouterr()
    told = json.loads(out.splitlines()[-1])
    assert (code, told["found"]) == (1, False)
    assert told["error"].startswith("127.0.0.1:1: connection refused: ")
    assert f"fleetleak: {told['error']}" in err
    assert list(tmp_path.iterdir()) == []


def test_what_the_demo_ignores_is_not_offered(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    text = capsys.readouterr().out
    assert "--kafka-group-protocol" in text
    assert "--kafka-track" not in text
    assert "--kafka-instance-id" not in text


def test_the_roles_have_what_is_offered_and_nothing_else(demo: Demo) -> None:
    demo._settings.kafka.track = "bold"
    demo._settings.kafka.group_protocol = "consumer"
    demo._settings.kafka.properties = {"sasl.password": "a,b=c"}
    demo._settings.log.level = "debug"
    environment = demo._environment()
    assert "FLEETLEAK_KAFKA_TRACK" not in environment
    assert environment["FLEETLEAK_KAFKA_GROUP_PROTOCOL"] == "consumer"
    assert json.loads(environment["FLEETLEAK_KAFKA_PROPERTIES"]) == {"sasl.password": "a,b=c"}
    assert environment["FLEETLEAK_LOG_LEVEL"] == "debug"


def test_what_repeats_itself_is_told_now_and_then(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+") as out:
        view = View(Console(file=out))
        view.say("created 9 topics on 127.0.0.1:9092")
        for mib in range(20):
            view.say(f"fetching Apache Kafka: {mib} of about 45 MiB")
        view.say("started one producer")
        out.seek(0)
        assert out.read().splitlines() == [
            "created 9 topics on 127.0.0.1:9092",
            "fetching Apache Kafka: 0 of about 45 MiB",
            "started one producer",
        ]


def test_at_80_columns_the_names_of_the_demo_are_whole(tmp_path: Path) -> None:
    scores = {
        name: Score(
            service=f"process/{name}",
            instance=f"{name}-1",
            time=BEGINS,
            confidence=1.0,
            kind="saturating",
            input_partition=0,
            input_offset=0,
        )
        for name in (LEAK, TWIN)
    }
    with (tmp_path / "out").open("w+") as out:
        Console(file=out, width=80).print(table(scores, {f"{LEAK}-1"}, 33.0, 80))
        out.seek(0)
        text = out.read()
    assert f"process/{LEAK} " in text
    assert f"process/{TWIN} " in text
    assert max(map(len, text.splitlines())) <= 80
