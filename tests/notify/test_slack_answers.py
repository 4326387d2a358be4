"""Which label a press on a Slack button means, and which requests are refused."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from fleetleak.records import Label
from sinks.notify.answers.refused import Refused
from sinks.notify.answers.slack import effect, reply_url, slack_label
from sinks.notify.notifiers.slack_blocks import ACTIONS, blocks
from tests.notify.notices import KEY, notice

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1531420618.0
VALUE = '{"service":"shop/cart","alert":"shop/cart@1790003960"}'


def interaction(action: str = "fleetleak-leak", value: str = VALUE, **changes: Any) -> bytes:
    """Return the body of a press, with the fields that Slack documents for `block_actions`."""
    payload = {
        "type": "block_actions",
        "user": {"id": "U01", "username": "ann", "name": "ann", "team_id": "T01"},
        "api_app_id": "A01",
        "container": {"type": "message", "message_ts": "1790004080.000001", "channel_id": "C01"},
        "trigger_id": "1.2.3",
        "team": {"id": "T01", "domain": "example"},
        "enterprise": None,
        "channel": {"id": "C01", "name": "alerts"},
        "response_url": "https://hooks.slack.com/actions/T01/1/abc",
        "actions": [
            {
                "action_id": action,
                "block_id": "x+y",
                "text": {"type": "plain_text", "text": "Leak", "emoji": True},
                "value": value,
                "type": "button",
                "action_ts": "1531420618.123",
            }
        ],
    }
    return urlencode({"payload": msgspec.json.encode(payload | changes).decode()}).encode()


def signed(body: bytes, at: float = NOW, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}


def press(body: bytes) -> Label:
    return slack_label(body, signed(body), SECRET, NOW)


def refusal(body: bytes, headers: dict[str, str] | None = None, now: float = NOW) -> Refused:
    with pytest.raises(Refused) as refused:
        slack_label(body, signed(body) if headers is None else headers, SECRET, now)
    return refused.value


def test_the_example_of_the_documentation_is_signed_right() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
        b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    assert refusal(body, headers).words == "malformed: a form without payload"


@pytest.mark.parametrize(
    ("action", "verdict", "expires"),
    [
        ("fleetleak-leak", "leak", None),
        ("fleetleak-not-a-leak", "not-a-leak", None),
        ("fleetleak-expected", "expected", NOW + 7 * 86400),
    ],
)
def test_each_button_is_a_label(action: str, verdict: Any, expires: float | None) -> None:
    assert press(interaction(action)) == Label(
        service="shop/cart", verdict=verdict, author="slack:ann", time=NOW, alert=KEY, expires=expires
    )


def test_the_buttons_of_a_message_are_understood() -> None:
    buttons = blocks(notice())[-1]["elements"]
    labels = [press(interaction(button["action_id"], button["value"])) for button in buttons]
    assert [label.verdict for label in labels] == list(ACTIONS.values())
    assert {(label.service, label.alert) for label in labels} == {("shop/cart", KEY)}


def test_without_a_user_name_the_author_is_the_id() -> None:
    assert press(interaction(user={"id": "U01"})).author == "slack:U01"


def test_a_long_user_name_is_cut() -> None:
    assert len(press(interaction(user={"id": "U01", "name": "n" * 999})).author) == 256


@pytest.mark.parametrize(("late", "taken"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_request_counts_for_five_minutes(late: float, taken: bool) -> None:
    body = interaction()
    headers = signed(body, at=NOW - late)
    if taken:
        assert slack_label(body, headers, SECRET, NOW).service == "shop/cart"
    else:
        assert refusal(body, headers).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(interaction(), NOW, "another"),
        signed(interaction("fleetleak-expected")),
        signed(interaction()) | {"x-slack-request-timestamp": str(int(NOW) + 1)},
        signed(interaction()) | {"x-slack-request-timestamp": "²"},
        signed(interaction()) | {"x-slack-request-timestamp": "9" * 5000},
        signed(interaction()) | {"x-slack-signature": "é"},
        signed(interaction()) | {"x-slack-signature": ""},
        {"x-slack-request-timestamp": str(int(NOW))},
    ],
)
def test_what_slack_did_not_sign_is_refused(headers: dict[str, str]) -> None:
    assert refusal(interaction(), headers).status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=%ff%fe",
        b"payload={}",
        b"\xff",
        b"&".join(b"a=1" for _ in range(51)),
        interaction(value="not JSON"),
        interaction(value='{"service": "shop/cart"}'),
        interaction(value='{"service": "", "alert": "k"}'),
        interaction(value='{"service": "s", "alert": "' + "k" * 513 + '"}'),
        interaction(type="view_submission"),
        interaction(actions=[]),
    ],
)
def test_what_is_malformed_is_refused(body: bytes) -> None:
    refused = refusal(body)
    assert refused.status == 400
    assert refused.words.startswith("malformed: ")


def test_an_unknown_button_is_refused() -> None:
    refused = refusal(interaction("delete-everything"))
    assert (refused.status, refused.words) == (400, "unknown action delete-everything")


@pytest.mark.parametrize(
    ("verdict", "expires", "words"),
    [
        ("leak", None, "recorded: shop/cart is a leak. If the alert still stands, it is sure from now on."),
        (
            "not-a-leak",
            None,
            "recorded: shop/cart is not a leak. If the alert still stands, it ends, and this growth is no"
            " alert until it has clearly grown.",
        ),
        (
            "expected",
            1790013260.0,
            "recorded: the growth of shop/cart is expected. If the alert still stands, it ends, and nothing"
            " of the service is an alert until 21 Sep 17:54 UTC.",
        ),
    ],
)
def test_the_effect_is_said_to_one_person(verdict: Any, expires: float | None, words: str) -> None:
    label = Label(service="shop/cart", verdict=verdict, author="slack:ann", time=NOW, expires=expires)
    assert msgspec.json.decode(effect(label)) == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": words,
    }


def test_the_effect_mentions_nobody() -> None:
    label = Label(service="<!channel>", verdict="leak", author="slack:ann", time=NOW)
    assert "recorded: &lt;!channel&gt; is a leak" in effect(label).decode()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://hooks.slack.com/actions/T01/1/abc", True),
        ("https://hooks.slack-gov.com/actions/T01/1/abc", True),
        ("http://hooks.slack.com/actions", False),
        ("https://hooks.slack.com.example.org/", False),
        ("https://hooks.slack.com@example.org/", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_replies_go_to_slack_only(url: str, taken: bool) -> None:
    assert reply_url(interaction(response_url=url)) == (url if taken else None)
