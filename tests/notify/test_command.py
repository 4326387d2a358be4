"""`fleetleak notify` and `fleetleak sink notify` without Kafka: what they say, and when they refuse."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from fleetleak_app.cli import EXIT_USAGE, main
from tests.notify.support import Receiver

SECRET = "hunter2"


@pytest.fixture
def signed(policy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    more = 'secret = { env = "HOOK_SECRET" }\nheaders = { X-Sender = "leaks" }\n'
    policy.write_text(policy.read_text() + more)
    return policy


def notify(policy: Path, *words: str) -> int:
    return main(["notify", *words, "--policy-file", str(policy)])


def test_a_test_is_sent_and_told(
    receiver: Receiver, signed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert notify(signed, "test", "hook") == 0
    assert capsys.readouterr().out.startswith("hook (webhook): delivered in ")
    (body,), (headers,) = receiver.bodies, receiver.headers
    raw = body.pop("raw")
    assert body["schema"] == "notice/1"
    assert body["test"] is True
    assert body["title"].startswith("TEST, no action needed: ")
    assert body["alert"]["service"] == "fleetleak/test"
    assert headers["content-type"] == "application/json"
    assert headers["x-sender"] == "leaks"
    assert headers["idempotency-key"] == f"{body['key']}/firing/{body['alert']['time']}"
    signature = hmac.new(
        SECRET.encode(), headers["x-fleetleak-timestamp"].encode() + b"." + raw, hashlib.sha256
    )
    assert headers["x-fleetleak-signature"] == f"v1={signature.hexdigest()}"


@pytest.mark.parametrize("status", [404, 503])
def test_a_target_that_does_not_take_it_is_a_failure(
    receiver: Receiver, policy: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    receiver.status = status
    assert notify(policy, "test", "hook", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["target"], said["delivered"], said["ref"]) == ("hook", False, None)
    assert said["why"].startswith(str(status))


def test_targets_are_listed_without_their_secrets(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert notify(signed, "targets") == 0
    out = capsys.readouterr().out
    assert "hook (webhook), removes repetitions\n  is told of: severity is at least medium\n" in out
    assert "  secret: in env HOOK_SECRET\n" in out
    assert "  headers: X-Sender=***\n" in out
    assert notify(signed, "targets", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["settings"]["secret"] == "in env HOOK_SECRET"
    assert SECRET not in out + str(row)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("test",), "name a target: fleetleak notify test TARGET"),
        (("test", "hok"), "there is no target hok; did you mean hook?"),
    ],
)
def test_a_target_that_is_not_there_is_wrong_usage(
    policy: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert notify(policy, *words) == EXIT_USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no target: write one into the policy file"),
        ('[targets.a]\nkind = "webhook"\nurl = "ftp://x"\n', "targets.a: url must be an address"),
        ('[targets.a]\nkind = "webhook"\nurl = "http://x"\nsecret = { env = "NOT_THERE" }\n', "NOT_THERE"),
        (
            '[targets.a]\nkind = "webhook"\nurl = "http://x"\nheaders = { Content-Type = "x" }\n',
            "cannot be set",
        ),
        ("[targets", "is not TOML"),
    ],
)
def test_the_sink_does_not_start_with_what_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    # Not even a Kafka is needed to find out.
    assert main(["sink", "notify", "--policy-file", str(file)]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err


def test_lines_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[targets.a]\nkind = "stdout"\n[targets.b]\nkind = "stdout"\nformat = "text"\n')
    assert notify(file, "test", "a") == 0
    line, told = capsys.readouterr().out.splitlines()
    assert json.loads(line)["test"] is True
    assert told.startswith("a (stdout): delivered")
    assert notify(file, "test", "b") == 0
    line, _ = capsys.readouterr().out.splitlines()
    assert line.startswith("firing low: TEST, no action needed: fleetleak/test grows 68 MiB/h")
