"""What Slack is sent: one message for one alert, and its thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fleetleak.stream.target import Delivered, Never, TryAgain
from sinks.notify.notifier import Notifier
from sinks.notify.notifiers.slack_blocks import ACTIONS, blocks, header
from sinks.policy.conditions import BadPolicy
from tests.notify.cases import SECRET, made
from tests.notify.notices import KEY, alert, notice
from tests.notify.servers import Asked, Given, Target, http_server
from tests.notify.targets import SLACK_TOKEN, SLACK_WEBHOOK, SlackTarget


class Fixed(Target):
    """It gives the same answer each time."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        self.given = given

    def take(self, request: Asked) -> Given:
        """Give the answer."""
        return self.given


class Threadless(SlackTarget):
    """A workspace whose threads have an error."""

    def __init__(self, error: str) -> None:
        super().__init__()
        self.error = error

    def take(self, request: Asked) -> Given:
        """Take messages, but none in threads."""
        if b"thread_ts" in request.body:
            return Given(200, msgspec.json.encode({"ok": False, "error": self.error}), {"Retry-After": "3"})
        return super().take(request)


@pytest.fixture
def target() -> SlackTarget:
    return SlackTarget()


@pytest.fixture
def notifier(target: SlackTarget, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notifier]:
    yield from _running(target, monkeypatch)


def _running(target: Target, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notifier]:
    monkeypatch.setenv(SECRET, SLACK_TOKEN)
    with http_server(target) as server:
        made_one = made("slack", {"token": {"env": SECRET}, "channel": "#leaks", "url": f"{server.url}/api/"})
        yield made_one
        made_one.close()


def first(notifier: Notifier) -> str:
    """Send a first notice, and return its ref."""
    answer = notifier.send(notice())
    assert isinstance(answer, Delivered)
    assert answer.ref
    return answer.ref


def types(message: dict[str, Any]) -> list[str]:
    return [block["type"] for block in message["blocks"]]


def test_a_first_notice_is_a_new_message(notifier: Notifier, target: SlackTarget) -> None:
    ref = first(notifier)
    assert ref == "C01:1790004080.000000"
    message = target.messages["1790004080.000000"]
    assert message["channel"] == "#leaks"
    assert message["text"] == "High: shop/cart leaks 38 MiB/h in 6 of 8 instances; limit in 9 h"
    assert types(message) == ["header", "section", "image", "context", "actions"]
    heading, facts, image, context, actions = message["blocks"]
    assert heading["text"] == {"type": "plain_text", "text": message["text"], "emoji": False}
    assert facts["fields"][1]["text"] == "*growth*\n38 MiB/h since 21 Sep 14:10 UTC"
    assert image["image_url"] == "https://alerts.example.org/pictures/one.png"
    assert context["elements"][0]["text"] == "`fleetleak explain shop/cart --at 2026-09-21T15:21:20Z`"
    assert [button["action_id"] for button in actions["elements"]] == list(ACTIONS)
    assert [button["text"]["text"] for button in actions["elements"]] == [
        "Leak",
        "Not a leak",
        "Expected for a week",
    ]
    value = '{"service":"shop/cart","alert":"shop/cart@1790003960"}'
    assert {button["value"] for button in actions["elements"]} == {value}


def test_a_later_notice_changes_the_message(notifier: Notifier, target: SlackTarget) -> None:
    ref = first(notifier)
    answer = notifier.send(notice(alert(state="updated"), title="shop/cart leaks 50 MiB/h", ref=ref))
    assert answer == Delivered(ref)
    assert [message["text"] for message in target.messages.values()] == ["High: shop/cart leaks 50 MiB/h"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "updated", "news": "critical & <rising>"}, "critical &amp; &lt;rising&gt;"),
        ({"state": "resolved", "closed_by": "no growth for 2 h"}, "Resolved: no growth for 2 h"),
        ({"state": "resolved"}, "Resolved: shop/cart leaks"),
        ({"state": "stale"}, "No data: nobody knows whether it still fires."),
        ({"state": "firing"}, "Fires again: shop/cart leaks"),
    ],
)  # fmt: skip
def test_news_is_in_the_thread(
    notifier: Notifier, target: SlackTarget, changes: dict[str, Any], words: str
) -> None:
    ref = first(notifier)
    assert notifier.send(notice(alert(**changes), title="shop/cart leaks", ref=ref)) == Delivered(ref)
    *_, reply = target.messages.values()
    assert len(target.messages) == 2
    assert reply == {"channel": "C01", "thread_ts": "1790004080.000000", "text": words}


def test_a_resolved_alert_has_no_buttons(notifier: Notifier, target: SlackTarget) -> None:
    notifier.send(notice(alert(state="resolved"), ref=first(notifier)))
    assert types(target.messages["1790004080.000000"]) == ["header", "section", "image", "context"]


@pytest.mark.parametrize("changes", [{"test": True}, {"services": ("shop/cart", "shop/search")}])
def test_a_test_and_a_storm_have_no_buttons(changes: dict[str, Any]) -> None:
    assert "actions" in [block["type"] for block in blocks(notice())]
    assert "actions" not in [block["type"] for block in blocks(notice(**changes))]


def test_without_a_picture_there_is_no_image() -> None:
    assert "image" not in [block["type"] for block in blocks(notice(picture_url=None))]


def test_a_deleted_message_is_posted_anew(notifier: Notifier, target: SlackTarget) -> None:
    ref = first(notifier)
    target.messages = {"1.0": {}, "2.0": {}}
    answer = notifier.send(notice(alert(state="updated", news="worse"), ref=ref))
    assert answer == Delivered("C01:1790004080.000002")
    assert target.messages["1790004080.000002"]["text"].startswith("High: shop/cart")
    assert len(target.messages) == 3


@pytest.mark.parametrize("ref", ["", "nonsense", "C01:"])
def test_a_ref_that_is_none_is_a_first_notice(notifier: Notifier, target: SlackTarget, ref: str) -> None:
    assert notifier.send(notice(ref=ref)) == Delivered("C01:1790004080.000000")


def test_a_picture_that_slack_cannot_load_is_left_out(notifier: Notifier, target: SlackTarget) -> None:
    target.loads_pictures = False
    ref = first(notifier)
    assert notifier.send(notice(alert(state="updated"), ref=ref)) == Delivered(ref)
    assert types(target.messages["1790004080.000000"]) == ["header", "section", "context", "actions"]


def test_a_webhook_leaves_the_picture_out_too(target: SlackTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    target.loads_pictures = False
    with http_server(target) as server:
        monkeypatch.setenv(SECRET, server.url + SLACK_WEBHOOK)
        webhook = made("slack", {"webhook_url": {"env": SECRET}})
        assert webhook.send(notice()) == Delivered(None)
        webhook.close()
    assert len(target.seen) == 1


def test_a_webhook_only_posts(target: SlackTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    with http_server(target) as server:
        monkeypatch.setenv(SECRET, server.url + SLACK_WEBHOOK)
        webhook = made("slack", {"webhook_url": {"env": SECRET}})
        assert webhook.send(notice()) == Delivered(None)
        webhook.close()
    assert types(msgspec.json.decode(target.asked[0].body)) == ["header", "section", "image", "context"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no_service", "404 no_service: the webhook was removed; make a new one"),
        (b"something else", "404 something else"),
    ],
)
def test_a_webhook_says_what_to_do(monkeypatch: pytest.MonkeyPatch, body: bytes, words: str) -> None:
    with http_server(Fixed(Given(404, body))) as server:
        monkeypatch.setenv(SECRET, server.url + SLACK_WEBHOOK)
        webhook = made("slack", {"webhook_url": {"env": SECRET}})
        assert webhook.send(notice()) == Never("refused", words)
        webhook.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("not_in_channel", "not_in_channel: invite the app to the channel"),
        ("invalid_auth", "invalid_auth: the token is wrong"),
        ("no_team", "no_team: the webhook is wrong"),
        ("missing_scope", "missing_scope: give the app the scope chat:write, and install it anew"),
        ("is_archived", "is_archived: the channel is archived; name another one"),
        ("msg_too_long", "msg_too_long"),
    ],
)  # fmt: skip
def test_an_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, error: str, words: str) -> None:
    given = Given(200, msgspec.json.encode({"ok": False, "error": error}))
    for notifier in _running(Fixed(given), monkeypatch):
        assert notifier.send(notice()) == Never("refused", words)


@pytest.mark.parametrize(
    "error", ["ratelimited", "internal_error", "service_unavailable", "fatal_error", "request_timeout"]
)
def test_some_errors_pass(monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    given = Given(200, msgspec.json.encode({"ok": False, "error": error}), {"Retry-After": "30"})
    for notifier in _running(Fixed(given), monkeypatch):
        assert notifier.send(notice()) == TryAgain(f"200 {error}", 30.0)
        assert notifier.send(notice(ref="C01:1.0")) == TryAgain(f"200 {error}", 30.0)


@pytest.mark.parametrize("body", [b"<html>log in to the Wi-Fi</html>", b"[]", b'{"ok": 1}', b""])
def test_an_answer_of_somebody_else_is_no_delivery(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    for notifier in _running(Fixed(Given(200, body)), monkeypatch):
        answer = notifier.send(notice())
        assert isinstance(answer, TryAgain)
        assert answer.why.startswith("not an answer of Slack: 200")


def test_a_busy_thread_makes_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    for notifier in _running(Threadless("ratelimited"), monkeypatch):
        ref = first(notifier)
        assert notifier.send(notice(alert(state="resolved"), ref=ref)) == TryAgain("200 ratelimited", 3.0)


def test_a_thread_that_takes_nothing_does_not_undo_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for notifier in _running(Threadless("restricted_action_thread_locked"), monkeypatch):
        ref = first(notifier)
        assert notifier.send(notice(alert(state="resolved"), ref=ref)) == Delivered(ref)


@pytest.mark.parametrize(
    ("state", "severity", "start"),
    [
        ("firing", "critical", "Critical: "),
        ("updated", "low", "Low: "),
        ("stale", "high", "No data: "),
        ("resolved", "high", "Resolved: "),
    ],
)
def test_the_header_begins_with_the_severity_or_state(state: Any, severity: Any, start: str) -> None:
    assert header(notice(alert(state=state), severity=severity, title="t")) == f"{start}t"


def test_an_address_is_a_link_and_nothing_else_is() -> None:
    facts = (
        ("runbook", "https://wiki.example.org/?a=1&b=2"),
        ("note", "see <https://example.org|here>"),
        ("bad", "https://example.org/|<!channel>"),
    )
    fields = blocks(notice(facts=facts))[1]["fields"]
    assert [field["text"] for field in fields] == [
        "*runbook*\n<https://wiki.example.org/?a=1&amp;b=2>",
        "*note*\nsee &lt;https://example.org|here&gt;",
        "*bad*\nhttps://example.org/|&lt;!channel&gt;",
    ]


def test_the_key_of_a_button_is_that_of_the_alert() -> None:
    actions = blocks(notice(key="another key"))[-1]
    assert msgspec.json.decode(actions["elements"][0]["value"]) == {"service": "shop/cart", "alert": KEY}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "give either token or webhook_url"),
        ({"token": {"env": SECRET}, "webhook_url": {"env": SECRET}, "channel": "C01"}, "give either"),
        ({"token": {"env": SECRET}}, "channel goes with token"),
        ({"token": {"env": SECRET}, "channel": ""}, "channel goes with token"),
        ({"webhook_url": {"env": SECRET}, "channel": "C01"}, "channel goes with token"),
        ({"token": "xoxb-1", "channel": "C01"}, "token"),
    ],
)
def test_settings_that_cannot_be(monkeypatch: pytest.MonkeyPatch, table: Any, words: str) -> None:
    monkeypatch.setenv(SECRET, "https://hooks.slack.com/services/T/B/x")
    with pytest.raises(BadPolicy, match=words):
        made("slack", table)


@pytest.mark.parametrize("token", ["xoxb-1\nxoxb-2", "xoxb 1", "xoxb-ä"])
def test_a_token_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv(SECRET, token)
    with pytest.raises(BadPolicy, match="the token of Slack") as bad:
        made("slack", {"token": {"env": SECRET}, "channel": "C01"})
    assert "xoxb" not in str(bad.value)


@pytest.mark.parametrize(
    "url", ["T01/B02/x", "ftp://hooks.slack.com/x", "https://", "https://h/", "https://h\x00/x"]
)
def test_a_webhook_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(SECRET, url.replace("\x00", "\x01"))
    with pytest.raises(BadPolicy) as bad:
        made("slack", {"webhook_url": {"env": SECRET}})
    assert str(bad.value) in (
        "the secret webhook_url is not the address of a webhook",
        "the secret webhook_url must be an address that begins with https:// or http://",
    )
