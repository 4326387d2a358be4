"""Words given on the command line: a record that no role could read is refused before anything is sent."""

from __future__ import annotations

import getpass
import time

import pytest
from msgspec.structs import replace

from fleetleak.records import Decoder, Label, ModelDelete, Promotion
from fleetleak.records.alert import AlertState
from fleetleak.records.label import Verdict
from fleetleak_app.cli import CommandFailed, main, times
from fleetleak_app.cli.label import effect
from fleetleak_app.cli.publish import author, written
from sinks.alerting.words import NO_ALERT

NOWHERE = ["--bootstrap-servers", "127.0.0.1:1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["x" * 513, "leak"],
            "such a Label could not be read: Expected `str` of length <= 512 - at `$.alert`",
        ),
        (["", "leak"], "such a Label could not be read: Expected `str` of length >= 1 - at `$.service`"),
        (["s", "leak", "--reason", "x" * 1025], "Expected `str` of length <= 1024 - at `$.reason`"),
        (["s", "leak", "--author", "x" * 257], "Expected `str` of length <= 256 - at `$.author`"),
        (["s", "leak", "--reason", "\udcff"], "this Label cannot be written: str is not valid UTF-8"),
        (["\udcff", "leak"], "this Label cannot be written: str is not valid UTF-8"),
        (["s", "leak", "--until", "3d"], "--until goes with expected: leak has no end"),
    ],
)
def test_a_label_that_nobody_could_read_is_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", *words, *NOWHERE]) == 1
    said = capsys.readouterr().err
    assert said.startswith("fleetleak: ")
    assert told in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "soon",
            "is no time; write a date or time such as 2026-09-21 or 2026-09-21T14:30Z, or a number with s",
        ),
        ("2020-01-01", "is not in the future"),
        ("0h", "is not in the future"),
        ("999999999w", "too far in it"),
        ("nan", "is no time"),
    ],
)
def test_a_label_cannot_end_before_it_begins(
    given: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["label", "s", "expected", "--until", given, *NOWHERE])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_the_end_of_a_label_is_a_time_or_a_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert times.until("36h") == times.until("1.5d") == 1e9 + 129600.0
    assert times.until("2w") == 1e9 + 14 * 86400.0
    assert times.until("2026-09-21") == times.until("2026-09-21T02:00+02:00") == 1789948800.0


def labelled(verdict: Verdict, alert: str | None = None, expires: float | None = None) -> Label:
    return Label(service="shop", verdict=verdict, author="ann", time=0.0, alert=alert, expires=expires)


@pytest.mark.parametrize(
    ("label", "state", "told"),
    [
        (
            labelled("not-a-leak"),
            "firing",
            "the alert ends, this growth is no alert until it has clearly grown",
        ),
        (
            labelled("not-a-leak"),
            "stale",
            "of this size is usual for 30 days; three alike within a day become",
        ),
        (labelled("not-a-leak"), None, "no alert is firing; this growth is no alert until"),
        (labelled("leak"), "firing", "the alert is sure from now on"),
        (labelled("leak"), None, "no alert is firing; the label counts for"),
        (labelled("expected"), "firing", "the alert ends, and nothing of shop is an alert for a week"),
        (
            labelled("expected", expires=1789948800.0),
            None,
            "; nothing of shop is an alert until 21 Sep 00:00 UTC",
        ),
        (
            labelled("leak", "shop@1"),
            "resolved",
            "the alert has ended, so nothing changes at once",
        ),
    ],
)
def test_the_effect_of_a_label_is_said(label: Label, state: AlertState | None, told: str) -> None:
    alert = None if state is None else replace(NO_ALERT, key="shop@1", service="shop", state=state)
    assert told in effect(label, alert)


def test_the_same_holds_for_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "delete", "s", "--reason", "x" * 1025, *NOWHERE]) == 1
    assert "such a ModelDelete could not be read" in capsys.readouterr().err
    for record in (Promotion(track="", author="a", time=0.0), ModelDelete(service="s", author="", time=0.0)):
        with pytest.raises(CommandFailed):
            written(record)


def test_the_longest_alert_key_fits_a_label() -> None:
    label = Label(service="x" * 256, verdict="leak", author="a", time=0.0)
    label.alert = f"{label.service}@{99_999_999_999}@{'t' * 200}"
    assert Decoder(Label).decode(written(label)) == label


def test_whoever_has_no_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert author().startswith("uid ")
