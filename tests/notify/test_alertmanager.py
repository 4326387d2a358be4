"""The notifier `alertmanager` and silences as weak labels, with a real Alertmanager."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from msgspec import structs

from fleetleak.kafka.broker import free_port
from fleetleak.records import Alert
from fleetleak.stream.target import Delivered, Never, TryAgain
from fleetleak_app.demo.alertmanager import Posted, RealAlertmanager
from sinks.notify.http import Http
from sinks.notify.notifier import Notice
from sinks.notify.notifiers.alertmanager import Alertmanager
from sinks.notify.notifiers.alertmanager_api import AlertmanagerSettings, Replicas
from sinks.notify.notifiers.silences import (
    Matcher,
    Silence,
    SilencePoller,
    SilenceStatus,
    matches,
    silence_labels,
)
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret
from tests.notify.alertmanager import real_alertmanager
from tests.notify.alertmanager_schema import PostableAlert, parsed
from tests.notify.servers import Failure, Given, http_server
from tests.notify.targets import AlertmanagerTarget

# The first time, the Alertmanager is built from source.
pytestmark = pytest.mark.timeout(960)
SINCE = 1_790_000_000.0
_RIGHT = "$2b$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC"
"""The bcrypt hash of the password "right"."""
_numbers = itertools.count()


@pytest.fixture(scope="module")
def real() -> Iterator[RealAlertmanager]:
    with real_alertmanager() as running:
        yield running


@pytest.fixture
def notifier(real: RealAlertmanager) -> Iterator[Alertmanager]:
    made = Alertmanager(
        AlertmanagerSettings(urls=[real.url], labels={"team": "memory"}, take_labels=["pool"])
    )
    yield made
    made.close()


@pytest.fixture
def notice() -> Notice:
    """A notice with a key of its own, of an alert that began two minutes ago."""
    now = time.time()
    alert = Alert(
        key=f"shop/cart@{next(_numbers)}", state="firing", service="shop/cart", instance="cart-1",
        time=now - 60, since=now - 120, severity="medium", kind="linear", confidence=0.9, summary="grows",
        recommendation="look", runbook="https://example.com/runbook", environment="production",
        labels={"pool": "a", "no-name": "x", "empty": ""},
    )  # fmt: skip
    return Notice(
        key=alert.key, state="firing", severity="medium", title="shop/cart grows 3 MiB/h", alert=alert,
        facts=(("Limit reached (p50)", "14:00"), ("because", "it grows"), ("because", "it never falls")),
        picture_url="https://example.com/picture.svg",
    )  # fmt: skip


def shown(real: RealAlertmanager, notice: Notice) -> list[Posted]:
    return [alert for alert in real.alerts() if alert.labels["key"] == notice.key]


def later(notice: Notice, **changes: Any) -> Notice:
    return structs.replace(notice, **changes)


def silenced(real: RealAlertmanager, *matchers: Matcher) -> str:
    """Silence what matches for an hour, and return the id of the silence."""
    now = datetime.now(UTC)
    silence = {
        "matchers": msgspec.to_builtins(matchers),
        "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "kim", "comment": "the cache warms up",
    }  # fmt: skip
    reply = httpx2.post(f"{real.url}/api/v2/silences", json=silence)
    reply.raise_for_status()
    return str(reply.json()["silenceID"])


def test_it_shows_what_identifies_an_alert_as_labels_and_all_else_as_annotations(
    real: RealAlertmanager, notifier: Alertmanager, notice: Notice
) -> None:
    assert notifier.send(notice) == Delivered(ref="medium")
    (alert,) = shown(real, notice)
    assert alert.labels == {
        "alertname": "MemoryLeak", "key": notice.key, "service": "shop/cart", "severity": "medium",
        "environment": "production", "pool": "a", "team": "memory",
    }  # fmt: skip
    assert alert.annotations == {
        "summary": notice.title, "limit_reached_p50": "14:00", "because": "it grows\nit never falls",
        "runbook_url": "https://example.com/runbook", "picture": notice.picture_url,
    }  # fmt: skip
    assert alert.status.state in ("active", "unprocessed")


def test_the_same_alert_again_is_no_second_one(
    real: RealAlertmanager, notifier: Alertmanager, notice: Notice
) -> None:
    notifier.send(notice)
    changed = structs.replace(notice.alert, kind="exponential", confidence=0.95, time=notice.alert.time + 30)
    again = later(notice, ref="medium", state="updated", alert=changed, title="shop/cart grows 9 MiB/h")
    assert notifier.send(again) == Delivered(ref="medium")
    (alert,) = shown(real, notice)
    assert alert.annotations["summary"] == "shop/cart grows 9 MiB/h"


def test_an_alert_whose_severity_rises_fires_once(
    real: RealAlertmanager, notifier: Alertmanager, notice: Notice
) -> None:
    notifier.send(notice)
    assert notifier.send(later(notice, severity="critical", ref="medium")) == Delivered(ref="critical")
    assert [alert.labels["severity"] for alert in shown(real, notice)] == ["critical"]


@pytest.mark.parametrize("severity", ["medium", "low"])
def test_a_resolved_alert_is_gone(
    real: RealAlertmanager, notifier: Alertmanager, notice: Notice, severity: Any
) -> None:
    notifier.send(notice)
    notifier.send(later(notice, state="resolved", severity=severity, ref="medium"))
    assert shown(real, notice) == []


def test_an_alert_that_fires_again_is_back(
    real: RealAlertmanager, notifier: Alertmanager, notice: Notice
) -> None:
    for state in ("firing", "resolved", "firing"):
        notifier.send(later(notice, state=state, ref="medium"))
    assert len(shown(real, notice)) == 1


def test_it_ends_by_itself_if_it_is_not_sent_again(real: RealAlertmanager, notice: Notice) -> None:
    settings = AlertmanagerSettings(urls=[real.url])
    repeat = Alertmanager.REPEAT_SECONDS
    for age, alerts in ((3 * repeat, 1), (5 * repeat, 0)):
        sent = time.time() - age
        begun = structs.replace(notice.alert, since=sent, time=sent)
        old = later(notice, key=f"{notice.key}/{age}", alert=begun)
        notifier = Alertmanager(settings, clock=lambda sent=sent: sent)  # type: ignore[misc]
        notifier.send(old)
        notifier.close()
        assert len(shown(real, old)) == alerts


def test_a_storm_and_a_test_have_other_labels(
    real: RealAlertmanager, notifier: Alertmanager, notice: Notice
) -> None:
    notifier.send(later(notice, services=("shop/cart", "shop/pay"), test=True))
    (alert,) = shown(real, notice)
    assert (alert.labels["alertname"], alert.labels["test"]) == ("MemoryLeakStorm", "true")


def test_one_replica_is_enough(
    real: RealAlertmanager, notice: Notice, caplog: pytest.LogCaptureFixture
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    notifier = Alertmanager(AlertmanagerSettings(urls=[away, f"{real.url}/"]))
    for _ in range(2):
        assert notifier.send(notice) == Delivered(ref="medium")
    notifier.close()
    assert len(shown(real, notice)) == 1
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [f"alertmanager {away}"]


def test_a_replica_that_failed_is_not_asked_for_a_while_if_another_one_answers() -> None:
    good, bad = AlertmanagerTarget(), AlertmanagerTarget()
    now = 0.0
    with http_server(good) as one, http_server(bad, Failure.BROKEN) as two:
        replicas = Replicas(AlertmanagerSettings(urls=[two.url, one.url]), lambda: now)

        def asked(count: int) -> tuple[int, int]:
            for _ in range(count):
                replicas.post("/api/v2/alerts", b"[]")
            return len(good.asked), len(bad.asked)

        good.take = lambda request: Given(200)  # type: ignore[method-assign]
        assert asked(3) == (3, 1)
        now = 31.0
        assert asked(1) == (4, 2)
        good.take = lambda request: Given(503)  # type: ignore[method-assign]
        assert asked(1) == (5, 3), "when the other one fails, too, it is asked at once"
        replicas.close()


def test_with_no_replica_it_tries_again(notice: Notice) -> None:
    notifier = Alertmanager(AlertmanagerSettings(urls=[f"http://127.0.0.1:{free_port()}"]))
    assert isinstance(notifier.send(notice), TryAgain)
    notifier.close()


def test_a_wrong_password_is_never_delivered_but_a_replica_that_is_away_gives_hope(
    notice: Notice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PASSWORD", "right")
    (tmp_path / "wrong").write_text("wrong\n")
    right, wrong = Secret(env="PASSWORD"), Secret(file=str(tmp_path / "wrong"))
    with real_alertmanager({"fleetleak": _RIGHT}) as guarded:
        away = f"http://127.0.0.1:{free_port()}"
        for urls, password, answer in (
            ([guarded.url], right, Delivered),
            ([guarded.url], wrong, Never),
            ([guarded.url], None, Never),
            ([guarded.url, away], wrong, TryAgain),
        ):
            user = None if password is None else "fleetleak"
            notifier = Alertmanager(AlertmanagerSettings(urls=urls, user=user, password=password))
            assert isinstance(notifier.send(notice), answer)
            notifier.close()


def test_a_silence_is_a_weak_label_once(
    real: RealAlertmanager, notifier: Alertmanager, notice: Notice
) -> None:
    notifier.send(notice)
    began = time.time() - 1
    silenced(real, Matcher("key", notice.key, False), Matcher("team", "mem.*", True))
    away = f"http://127.0.0.1:{free_port()}"
    settings = AlertmanagerSettings(urls=[away, real.url], labels={"team": "memory"})
    replicas = Replicas(settings)
    poller = SilencePoller(settings, replicas, began)
    other = structs.replace(notice.alert, key="other")
    (label,) = poller.poll([notice.alert, other])
    assert poller.poll([notice.alert, other]) == []
    replicas.close()
    assert (label.service, label.verdict, label.alert, label.weak) == (
        "shop/cart", "expected", notice.key, True,
    )  # fmt: skip
    assert (label.author, label.reason) == ("alertmanager:kim", "the cache warms up")
    assert label.time >= began
    assert label.expires == pytest.approx(label.time + 3600, abs=60)
    assert [alert.status.state for alert in shown(real, notice)] == ["suppressed"]


def test_a_silence_from_before_and_one_that_has_ended_are_no_labels(
    real: RealAlertmanager, notice: Notice
) -> None:
    settings = AlertmanagerSettings(urls=[real.url])
    replicas = Replicas(settings)
    began = time.time() - 1
    identity = silenced(real, Matcher("key", notice.key, False))
    late = SilencePoller(settings, replicas, time.time() + 60)
    assert late.poll([notice.alert]) == []
    httpx2.delete(f"{real.url}/api/v2/silence/{identity}").raise_for_status()
    poller = SilencePoller(settings, replicas, began)
    assert poller.poll([notice.alert]) == []
    replicas.close()


def test_with_no_replica_there_are_no_labels(notice: Notice, caplog: pytest.LogCaptureFixture) -> None:
    settings = AlertmanagerSettings(urls=[f"http://127.0.0.1:{free_port()}"])
    replicas = Replicas(settings)
    assert SilencePoller(settings, replicas, 0.0).poll([notice.alert]) == []
    replicas.close()
    assert len(caplog.records) == 1


LABELS = {"service": "shop/cart", "severity": "high"}
MATCHERS = [
    (Matcher("service", "shop/cart", False), True),
    (Matcher("service", "shop", False), False),
    (Matcher("service", "shop/.*", True), True),
    (Matcher("service", "shop", True), False),
    (Matcher("service", "pay|shop/cart", True), True),
    (Matcher("service", "shop/cart", False, False), False),
    (Matcher("service", "pay/.*", True, False), True),
    (Matcher("absent", "", False), True),
    (Matcher("absent", "x", False, False), True),
    (Matcher("absent", ".+", True), False),
]
UNUSED = [
    Matcher("service", "(", True),
    *(Matcher("service", "(s+)+x", True, equal) for equal in (True, False)),
]
"""Python cannot use these patterns, or only slowly: they match nothing."""


@pytest.mark.parametrize(("matcher", "expected"), [*MATCHERS, *((matcher, False) for matcher in UNUSED)])
def test_a_matcher_holds_or_not(matcher: Matcher, expected: bool) -> None:
    now = datetime.now(UTC)
    silence = Silence("1", SilenceStatus("active"), now, now, "kim", "", [matcher])
    assert matches(silence, LABELS) == expected


@pytest.mark.parametrize(("matcher", "expected"), MATCHERS)
def test_alertmanager_itself_matches_the_same(
    real: RealAlertmanager, notifier: Alertmanager, notice: Notice, matcher: Matcher, expected: bool
) -> None:
    notifier.send(notice)
    silenced(real, Matcher("key", notice.key, False), matcher)
    assert [alert.status.state == "suppressed" for alert in shown(real, notice)] == [expected]


def test_a_label_for_each_silence_and_alert_is_within_the_limits_of_the_record(notice: Notice) -> None:
    now, never = datetime.now(UTC), datetime.max.replace(tzinfo=UTC)
    matcher = Matcher("service", "shop/cart", False)
    silences = [
        Silence(number, SilenceStatus(state), now, never, "k" * 300, "c" * 2000, [matcher])
        for number, state in (("1", "active"), ("2", "active"), ("3", "pending"))
    ]
    standing = dict.fromkeys(("a", "b"), (notice.alert, LABELS))
    labels = silence_labels(silences, standing, since=0)
    pairs = [(one.silence, one.label.alert) for one in labels]
    assert pairs == [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b")]
    label = labels[0].label
    assert (len(label.author), len(label.reason or ""), label.expires) == (256, 1024, 1e11)


class Recorder:
    """What an Alertmanager is sent, without one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.posted: list[list[PostableAlert]] = []
        self.headers: list[dict[str, str]] = []
        monkeypatch.setattr(Http, "post", lambda _, url, body, headers: self._post(body, headers))

    def _post(self, body: bytes, headers: dict[str, str]) -> Delivered:
        self.posted.append(parsed(body))
        self.headers.append(headers)
        return Delivered()


@pytest.mark.parametrize(
    ("state", "event", "end"),
    [
        ("firing", 60.0, 340.0),
        ("updated", 60.0, 340.0),
        ("stale", 60.0, 340.0),
        ("resolved", 60.0, 60.0),
        ("resolved", 999.0, 100.0),
        ("resolved", 0.0, 0.001),
    ],
)
def test_the_end_of_an_alert(
    notice: Notice, monkeypatch: pytest.MonkeyPatch, state: Any, event: float, end: float
) -> None:
    """The clock stands at 100 s after the alert's begin; it repeats each minute."""
    recorder = Recorder(monkeypatch)
    notifier = Alertmanager(AlertmanagerSettings(urls=["http://host"]), clock=lambda: SINCE + 100)
    alert = structs.replace(notice.alert, since=SINCE, time=SINCE + event)
    notifier.send(later(notice, state=state, alert=alert))
    notifier.close()
    ((posted,),) = recorder.posted
    assert posted.starts_at is not None
    assert posted.ends_at is not None
    assert (posted.starts_at.timestamp(), posted.ends_at.timestamp()) == (SINCE, SINCE + end)
    assert posted.generator_url == notice.picture_url


def test_an_alert_that_begins_in_the_future_ends_after_it_begins(
    notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(monkeypatch)
    notifier = Alertmanager(AlertmanagerSettings(urls=["http://host"]), clock=lambda: SINCE - 9999)
    notifier.send(later(notice, alert=structs.replace(notice.alert, since=SINCE), ref="low"))
    notifier.close()
    assert [alert.labels["severity"] for alert in recorder.posted[0]] == ["low", "medium"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"urls": []}, "urls is empty"),
        ({"urls": ["host:9093"]}, "must be an address"),
        ({"urls": ["http://host:port"]}, "must be an address"),
        ({"urls": ["http://me:secret@host"]}, "has a login in it"),
        ({"user": "me"}, "belong together"),
        ({"user": "me", "password": Secret(env="HOME"), "bearer": Secret(env="HOME")}, "not both"),
        ({"bearer": Secret(env="NOT_THERE")}, "NOT_THERE"),
        ({"labels": {"no-name": "x"}}, "is no name of a label"),
        ({"labels": {"severity": "x"}}, "is set by fleetleak"),
    ],
)
def test_settings_that_cannot_be_used(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(BadPolicy, match=told):
        Alertmanager(AlertmanagerSettings(**({"urls": ["http://host"]} | wrong)))


def test_a_token_is_sent(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    monkeypatch.setenv("TOKEN", "abc")
    notifier = Alertmanager(AlertmanagerSettings(urls=["http://host"], bearer=Secret(env="TOKEN")))
    notifier.send(notice)
    notifier.close()
    assert [headers["Authorization"] for headers in recorder.headers] == ["Bearer abc"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"labels": {}},
        {"labels": {"alertname": 1}},
        {"labels": {"alertname": "a"}, "startsAt": "yesterday"},
        {"labels": {"alertname": "a"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"},
    ],
)
def test_what_the_schema_refuses_alertmanager_refuses(real: RealAlertmanager, wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        parsed(msgspec.json.encode([wrong]))
    assert httpx2.post(f"{real.url}/api/v2/alerts", json=[wrong]).status_code in (400, 422)
