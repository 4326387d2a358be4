"""What comes back from targets, on the real Kafka: pressed buttons, weak labels, requests for pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx2
import pytest

from fleetleak.kafka import topics
from fleetleak.kafka.broker import free_port
from fleetleak.records import Alert, Decoder, Label, encode
from fleetleak.records.alert import History
from fleetleak.settings import BadSetting, Settings
from fleetleak.stream.target import Answer, Delivered
from sinks.notify import role
from sinks.notify.channel import Channel
from sinks.notify.naming import picture_name
from sinks.notify.notifier import Notice
from sinks.notify.role import Notify
from sinks.policy.file import AnswersTable, Secret
from tests.kafka.support import in_thread, read_all, send, wait_for
from tests.notify.support import Remembering, alert, spec
from tests.notify.test_slack_answers import SECRET, interaction, signed

pytestmark = pytest.mark.kafka
PAST = History(times=[1.0, 2.0, 3.0], memory=[1, 2, 3])


@contextmanager
def serving(settings: Settings, notifier: Remembering, answers: AnswersTable | None = None) -> Iterator[str]:
    """Run the role with one target and its endpoint; yield where the endpoint is."""
    settings.notify.port = free_port()
    role = Notify(settings, [Channel(spec(), notifier)], answers)
    with in_thread(role.run):
        wait_for(lambda: role.ready() is None, what="readiness")
        yield f"http://127.0.0.1:{settings.notify.port}"


def labels(settings: Settings) -> list[Label]:
    feedback = topics.names(settings.kafka.topic_prefix).feedback
    return [Decoder(Label).decode(value) for _, _, value in read_all(settings, feedback)]


def publish(settings: Settings, one: Alert) -> None:
    send(settings, topics.names(settings.kafka.topic_prefix).alerts, [(one.key.encode(), encode(one))])


def got(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    response = httpx2.request(
        "GET" if body is None else "POST", url, content=body, headers=headers, timeout=20
    )
    return response.status_code, response.content


def picture_of(base: str, one: Alert) -> str:
    return f"{base}/pictures/{picture_name(one.key)}.png"


def test_a_pressed_button_is_a_label_before_it_is_answered(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FL_TEST_SLACK", SECRET)
    body = interaction("fleetleak-not-a-leak", response_url="")
    with serving(settings, Remembering(), AnswersTable(slack_secret=Secret(env="FL_TEST_SLACK"))) as base:
        status, words = got(f"{base}/slack", body, signed(body, time.time()))
        assert (status, b"is not a leak" in words) == (200, True)
        (label,) = labels(settings)
        assert (label.verdict, label.author, label.weak) == ("not-a-leak", "slack:ann", False)
        assert got(f"{base}/slack", body, signed(body, time.time(), "wrong"))[0] == 401
        assert got(f"{base}/pagerduty", body)[0] == 404
        assert len(labels(settings)) == 1


def test_a_picture_can_be_fetched_while_the_target_takes_its_notice(settings: Settings) -> None:
    """Slack loads the picture before it answers."""
    fetched: list[tuple[int, bytes]] = []
    one = alert(history=PAST)
    notifier = Remembering()

    def fetch(notice: Notice) -> Answer:
        fetched.append(got(picture_of(base, notice.alert)))
        return Delivered()

    notifier.answer = fetch
    with serving(settings, notifier) as base:
        publish(settings, one)
        wait_for(lambda: bool(notifier.notices), what="the notice")
        assert got(picture_of(base, alert("unknown")))[0] == 404
        assert got(f"{base}/pictures/%00.png")[0] == 404
    assert fetched[0][0] == 200
    assert fetched[0][1].startswith(b"\x89PNG")


def test_what_people_did_at_a_target_becomes_weak_labels(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silenced(Remembering):
        def weak_labels(self, standing: Sequence[Alert]) -> list[Label]:
            return [
                Label(service=one.service, verdict="expected", author="am:ann", time=1.0, weak=True)
                for one in standing
            ]

    monkeypatch.setattr(role, "LABEL_SECONDS", 0.1)
    with serving(settings, Silenced()):
        publish(settings, alert())
        wait_for(lambda: bool(labels(settings)), what="the weak label")
    assert (labels(settings)[0].author, labels(settings)[0].weak) == ("am:ann", True)


def test_what_cannot_be_served_is_refused_at_the_start(settings: Settings) -> None:
    settings.notify.public_url = "https://alerts.example.org"
    with pytest.raises(BadSetting, match=r"notify\.port must be set"):
        Notify(settings, [Channel(spec(), Remembering())])
    settings.notify.port, settings.notify.address = 1, "203.0.113.1"
    with pytest.raises(BadSetting, match=r"notify\.port 1"):
        Notify(settings, [Channel(spec(), Remembering())])
