"""The buttons of Slack messages: which label a press means, and what to say about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from fleetleak.records import Label
from fleetleak.records.label import Verdict
from fleetleak.text import DAY, moment
from sinks.notify.answers.refused import Refused, author, checked, decoded, same, signature
from sinks.notify.notifiers.slack_blocks import ACTIONS, Pressed, mrkdwn

EXPECTED_SECONDS = 7 * DAY
"""How long a press on "Expected for a week" mutes."""
# https://docs.slack.dev/authentication/verifying-requests-from-slack: an older request may be a replay.
_MOST_SKEW_SECONDS = 300.0
_REPLY_URL = re.compile(r"https://hooks\.slack(-gov)?\.com/")
_MOST_FIELDS = 50


class _User(Struct, frozen=True):
    username: str = ""
    name: str = ""
    id: str = ""


class _Action(Struct):
    action_id: str
    value: str = ""


class _Interaction(Struct):
    type: str
    user: _User = _User()
    actions: list[_Action] = []
    response_url: str = ""


def slack_label(body: bytes, headers: Mapping[str, str], secret: str, now: float) -> Label:
    """Return the label of a pressed button.

    Parameters
    ----------
    body
        The request's body, as it came.
    headers
        The request's headers; their names in lower case.
    secret
        The signing secret of the app.
    now
        The time of now, in unix seconds.

    Raises
    ------
    Refused
        401 if Slack did not sign the request in the last five minutes; 400 if it is no press of our buttons.
    """
    _check(body, headers, secret, now)
    interaction = _interaction(body)
    if interaction.type != "block_actions" or len(interaction.actions) != 1:
        raise Refused(400, "malformed: not one press of a button")
    action = interaction.actions[0]
    if action.action_id not in ACTIONS:
        raise Refused(400, f"unknown action {action.action_id[:100]}")
    pressed = decoded(action.value, Pressed)
    verdict, user = ACTIONS[action.action_id], interaction.user
    label = Label(
        service=pressed.service,
        verdict=verdict,
        author=author("slack", user.username, user.name, user.id),
        time=now,
        alert=pressed.alert,
        expires=now + EXPECTED_SECONDS if verdict == "expected" else None,
    )
    return checked(label, Label)


def reply_url(body: bytes) -> str | None:
    """Return where Slack takes a reply to a press; None if the request names no host of Slack.

    It is needed because Slack ignores the body of the answer to a press of a Block Kit button. Check the
    signature first (`slack_label`).
    """
    url = _interaction(body).response_url
    return url if _REPLY_URL.match(url) else None


def effect(label: Label) -> bytes:
    """Return a message for the person who pressed the button: what the label does."""
    service = mrkdwn(label.service)
    until = moment(label.expires) if label.expires is not None else ""
    effects: dict[Verdict, str] = {
        "leak": f"{service} is a leak. If the alert still stands, it is sure from now on.",
        "not-a-leak": f"{service} is not a leak. If the alert still stands, it ends, and this growth is no"
        " alert until it has clearly grown.",
        "expected": f"the growth of {service} is expected. If the alert still stands, it ends, and nothing of"
        f" the service is an alert until {until}.",
    }
    text = f"recorded: {effects[label.verdict]}"
    return msgspec.json.encode({"response_type": "ephemeral", "replace_original": False, "text": text})


def _check(body: bytes, headers: Mapping[str, str], secret: str, now: float) -> None:
    stamp = headers.get("x-slack-request-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp[:20])) > _MOST_SKEW_SECONDS:
        raise Refused(401, "the request is too old, or from a clock that differs by more than 5 minutes")
    expected = "v0=" + signature(secret, b"v0:" + stamp.encode() + b":" + body)
    if not same(headers.get("x-slack-signature", ""), expected):
        raise Refused(401, "the signature is wrong: check the signing secret")


def _interaction(body: bytes) -> _Interaction:
    try:
        fields = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refused(400, "malformed: not a form") from None
    if len(fields.get("payload", [])) != 1:
        raise Refused(400, "malformed: a form without payload")
    return decoded(fields["payload"][0], _Interaction)
