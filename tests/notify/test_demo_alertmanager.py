"""`fleetleak demo --alertmanager`, with a real Alertmanager; the alert is sent as the role would send it."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from fleetleak.records import Alert, encode
from fleetleak.settings import Settings
from fleetleak.stream.target import Delivered
from fleetleak_app.demo.alertmanager import (
    VARIABLE,
    AlertmanagerFailed,
    Posted,
    RealAlertmanager,
    Status,
    policy,
)
from fleetleak_app.demo.demo import LEAK, Demo
from fleetleak_app.demo.view import posted
from sinks.notify.notifier import Notice
from sinks.notify.notifiers.alertmanager import Alertmanager
from sinks.notify.notifiers.alertmanager_api import AlertmanagerSettings
from sinks.policy.file import read
from tests.kafka.support import wait_for
from tests.notify.alertmanager import real_alertmanager
from tests.unit.test_demo import BEGINS, Stage, put_on, sent

pytestmark = pytest.mark.timeout(960)

FOUND = Alert(
    key=f"process/{LEAK}@1", state="firing", service=f"process/{LEAK}", instance=f"{LEAK}-1",
    time=BEGINS + 20, since=BEGINS + 20, severity="high", kind="linear", confidence=0.9, summary="grows",
    recommendation="look",
)  # fmt: skip
NOTICE = Notice(key=FOUND.key, state="firing", severity="high", title="it [grows]", facts=(), alert=FOUND)


class NotifyingStage(Stage):
    """A stage on which the role `notify` sends the alert at once, by the policy file that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, list[str]] = {}
        self.notifies = True
        self.out = io.StringIO()
        self.console = Console(file=self.out, width=80)

    def start(self, name: str, words: list[str], environment: dict[str, str]) -> int:
        self.words[name] = words
        if name == "notify" and self.notifies:
            file = read(environment["FLEETLEAK_POLICY_FILE"])
            (route,) = file.routes
            (target,) = route.targets
            table = dict(file.targets[target])
            assert (table.pop("kind"), route.where) == ("alertmanager", {})
            notifier = Alertmanager(msgspec.convert(table, AlertmanagerSettings))
            assert isinstance(notifier.send(NOTICE), Delivered)
            notifier.close()
        return super().start(name, words, environment)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NotifyingStage:
    made = NotifyingStage()
    made.messages = [sent("p.alerts", encode(FOUND))]
    put_on(made, tmp_path, monkeypatch)
    return made


def outcome(stage: NotifyingStage, alertmanager: bool) -> dict[str, object]:
    """Return the outcome of a demo that finds the leak."""
    demo = Demo(Settings(), False, 60.0, stage.console, alertmanager)
    with demo.running() as processes:
        told: dict[str, object] = json.loads(demo.watch(processes).to_json())
    assert told["found"]
    assert demo.outcome.well == told.get("alertmanager", True)
    return told


def test_it_waits_until_alertmanager_has_the_alert_and_shows_it(stage: NotifyingStage) -> None:
    real_alertmanager()
    assert outcome(stage, True)["alertmanager"] is True
    assert stage.words["notify"] == ["fleetleak_app", "sink", "notify"]
    for shown in ("label alertname", f"process/{LEAK}", "it [grows]", "http://127.0.0.1:"):
        assert shown in stage.out.getvalue()


def test_without_the_alert_there_after_a_minute_it_is_not_well(stage: NotifyingStage) -> None:
    real_alertmanager()
    stage.notifies = False
    assert outcome(stage, True)["alertmanager"] is False
    assert stage.said[-1] == f"Alertmanager has no alert on process/{LEAK}"
    assert 65.0 < stage.now < 70.0


def test_without_the_flag_there_is_no_alertmanager(stage: NotifyingStage) -> None:
    assert "alertmanager" not in outcome(stage, False)
    assert "notify" not in stage.words
    assert not any("FLEETLEAK_POLICY_FILE" in environment for environment in stage.environments)


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    real_alertmanager()
    code = (
        "from fleetleak_app.demo.alertmanager import RealAlertmanager\n"
        "with RealAlertmanager() as real: print(real.url, flush=True); input()"
    )
    root, environment = Path(__file__).parents[2], os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        port = int(parent.stdout.readline().rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port)).close()
        parent.kill()
    wait_for(lambda: not listening(port), what="the end of Alertmanager")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_program_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(AlertmanagerFailed, match="cannot be run"):
        RealAlertmanager(lambda line: None).__enter__()
    monkeypatch.setenv(VARIABLE, "/bin/false")
    with pytest.raises(AlertmanagerFailed, match="ended at once"):
        RealAlertmanager(lambda line: None).__enter__()


def test_without_anything_to_fetch_it_with_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(AlertmanagerFailed, match="install Go or Alertmanager, or set ALERTMANAGER_PROGRAM"):
        RealAlertmanager(lambda line: None).__enter__()


def test_a_tool_that_fails_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "go").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(AlertmanagerFailed, match="go failed: no network"):
        RealAlertmanager(lambda line: None).__enter__()


def test_the_policy_file_is_toml() -> None:
    assert tomllib.loads(policy("http://127.0.0.1:1")) == {
        "targets": {"alertmanager": {"kind": "alertmanager", "urls": ["http://127.0.0.1:1"]}},
        "routes": [{"targets": ["alertmanager"]}],
    }


def test_the_table_fits_80_columns() -> None:
    alert = Posted({"alertname": "MemoryLeak", "key": "k" * 90}, {"summary": "s" * 120}, Status("active"))
    out = io.StringIO()
    Console(file=out, width=80).print(posted(alert, "http://127.0.0.1:1"))
    assert max(map(len, out.getvalue().splitlines())) <= 80
    assert out.getvalue().count("s") >= 120
