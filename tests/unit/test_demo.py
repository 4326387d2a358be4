"""What the demo makes of alerts: the leak, once it is there, and nothing else, is a success."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from confluent_kafka import Message
from rich.console import Console

from fleetleak.kafka import topics
from fleetleak.records import Alert, Score, encode
from fleetleak.records.alert import AlertState
from fleetleak.settings import Settings
from fleetleak_app.cli import main
from fleetleak_app.demo import demo as demo_module
from fleetleak_app.demo.demo import LEAK, TWIN, Demo, DemoFailed
from fleetleak_app.demo.view import View, table
from fleetleak_app.demo.workload import WELL_SECONDS
from fleetleak_app.processes import Processes
from tests.kafka.support import wait_for

BEGINS = 1_790_000_000.0
STEP_SECONDS = 5.0


class Stage:
    """What stands around a demo: a clock, the processes it starts, what it reads, and what it shows."""

    def __init__(self) -> None:
        self.now = 0.0
        self.messages: list[Message] = []
        self.environments: list[dict[str, str]] = []
        self.said: list[str] = []
        self.scores: list[Score] = []
        self.firing: set[str] = set()
        self.console = Console(quiet=True)

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return BEGINS - WELL_SECONDS + self.now

    def consume(self, _count: int, _seconds: float) -> list[Message]:
        """Return one message, some seconds after the one before."""
        self.now += STEP_SECONDS
        return [self.messages.pop(0)] if self.messages else []

    def assign(self, _partitions: object) -> None:
        pass

    def close(self) -> None:
        pass

    def start(self, _name: str, _words: list[str], environment: dict[str, str]) -> int:
        self.environments.append(environment)
        return 1

    def ended(self) -> dict[str, int]:
        return {}

    def say(self, line: str) -> None:
        self.said.append(line)

    def update(self, scores: dict[str, Score], firing: set[str], _seconds: float) -> None:
        self.scores, self.firing = list(scores.values()), set(firing)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def put_on(made: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let demos run on a stage."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("Processes", "Consumer", "View"):
        monkeypatch.setattr(demo_module, name, lambda *_: made)
    monkeypatch.setattr(demo_module, "time", made)
    monkeypatch.setattr(demo_module, "reached", lambda _kafka: None)
    for name in ("create", "delete"):
        monkeypatch.setattr(topics, name, lambda *_: None)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    put_on(made, tmp_path, monkeypatch)
    return made


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def demo(stage: Stage, settings: Settings) -> Demo:
    return Demo(settings, False, 60.0, stage.console)


def alert(name: str, time: float, state: AlertState = "firing") -> bytes:
    return encode(
        Alert(
            key=f"process/{name}@1", state=state, service=f"process/{name}", instance=f"{name}-1", time=time,
            since=time, severity="high", kind="linear", confidence=0.7, summary="grows",
            recommendation="look",
        )
    )  # fmt: skip


def sent(topic: str, value: bytes | None) -> Message:
    return Message(topic=topic, partition=0, offset=4, value=value)


def take(stage: Stage, demo: Demo, *alerts: bytes) -> dict[str, object]:
    """Give the demo these alerts, and return its outcome."""
    stage.messages += [sent("p.alerts", value) for value in alerts]
    with demo.running() as processes:
        told: dict[str, object] = json.loads(demo.watch(processes).to_json())
    return told


def test_nothing_seen_is_nothing_found(stage: Stage, demo: Demo) -> None:
    told = take(stage, demo)
    assert (told["found"], told["seconds_to_alert"], told["false_alerts"]) == (False, None, [])
    assert not demo.outcome.well
    assert stage.now == 60.0


def test_the_first_alert_of_the_leak_is_the_outcome(stage: Stage, demo: Demo) -> None:
    told = take(stage, demo, alert(LEAK, BEGINS + 20), alert(LEAK, BEGINS + 30, "updated"))
    assert (told["found"], told["seconds_to_alert"], told["false_alerts"]) == (True, STEP_SECONDS, [])
    assert demo.outcome.well


@pytest.mark.parametrize("order", [1, -1])
def test_an_alert_of_the_twin_spoils_it(stage: Stage, demo: Demo, order: int) -> None:
    told = take(stage, demo, *[alert(LEAK, BEGINS + 20), alert(TWIN, BEGINS + 25)][::order])
    assert (told["found"], told["false_alerts"]) == (True, [f"process/{TWIN}@1"])
    assert not demo.outcome.well


@pytest.mark.parametrize("found", [False, True])
def test_an_alert_before_the_leak_began_is_a_false_one(stage: Stage, demo: Demo, found: bool) -> None:
    later = [alert(LEAK, BEGINS + 20, "updated")] if found else []
    told = take(stage, demo, alert(LEAK, BEGINS - 1), *later)
    assert (told["found"], told["false_alerts"]) == (found, [f"process/{LEAK}@1"])
    assert not demo.outcome.well


def test_what_it_cannot_read_it_passes_over_and_counts(stage: Stage, demo: Demo) -> None:
    stage.messages = [sent("p.alerts", b"{"), sent("p.scores", None)]
    take(stage, demo, alert(LEAK, BEGINS + 20))
    assert demo.outcome.well
    lines = [line for line in stage.said if " could" in line]
    assert [line.partition(" could")[0] for line in lines] == ["1 record of p.alerts", "1 record of p.scores"]


def test_a_resolved_alert_is_no_new_one(stage: Stage, demo: Demo) -> None:
    take(stage, demo, alert(LEAK, BEGINS + 20), alert(TWIN, BEGINS + 25, "resolved"))
    assert demo.outcome.well
    assert stage.firing == {f"{LEAK}-1"}


def test_scores_are_kept_by_instance(stage: Stage, demo: Demo) -> None:
    for offset in range(2):
        score = Score(service="s", instance="i", time=BEGINS, input_partition=0, input_offset=offset)
        stage.messages.append(sent("p.scores", encode(score)))
    take(stage, demo)
    assert [score.input_offset for score in stage.scores] == [1]


@pytest.mark.parametrize(("name", "fails"), [("producer", True), (LEAK, False)])
def test_a_part_that_ends_by_itself_ends_the_demo_but_for_the_leak(
    demo: Demo, name: str, fails: bool
) -> None:
    with Processes(demo.directory) as processes:
        processes.start(name, ["fleetleak_app", "--version"], {})
        wait_for(lambda: bool(processes.ended()), what="its end")
        if fails:
            with pytest.raises(DemoFailed, match="producer ended with code 0: fleetleak "):
                demo.watch(processes)
        else:
            demo.watch(processes)


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


def test_the_roles_have_what_is_offered_and_nothing_else(
    stage: Stage, demo: Demo, settings: Settings
) -> None:
    settings.kafka.track = "bold"
    settings.kafka.group_protocol = "consumer"
    settings.kafka.properties = {"sasl.password": "a,b=c"}
    settings.log.level = "debug"
    with demo.running():
        environment = stage.environments[0]
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
