"""A notice as a Slack message: Block Kit within its limits, and text that cannot mention anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from fleetleak.records.label import Verdict
from sinks.notify import words
from sinks.notify.notifier import Notice

ACTIONS: dict[str, Verdict] = {
    "fleetleak-leak": "leak",
    "fleetleak-not-a-leak": "not-a-leak",
    "fleetleak-expected": "expected",
}
"""The verdict of each button, by its `action_id`."""

# https://docs.slack.dev/reference/block-kit: a header has 150 characters, a section 10 fields of 2,000, the
# text of a section or context 3,000, the value of a button 2,000, the address of an image 3,000.
_MOST_HEADER = 150
_MOST_FIELDS = 10
_MOST_TEXT = 3000
_MOST_VALUE = 2000
_MOST_URL = 3000
# Slack also refuses blocks with more than about 13,000 characters together (`msg_blocks_too_long`), which is
# in no document (github.com/slackapi/bolt-js/issues/2509). Ten such fields and three buttons stay below.
_MOST_STORM = 2000
_MOST_COMMAND = 800
_MOST_NAME = 100
_MOST_FACT = 350
_LABELS = {
    "fleetleak-leak": "Leak",
    "fleetleak-not-a-leak": "Not a leak",
    "fleetleak-expected": "Expected for a week",
}
_ADDRESS = re.compile(r"https?://[^\s|<>]+")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Pressed(msgspec.Struct, frozen=True):
    """The value of a button: what the label is for."""

    service: str
    alert: str


def mrkdwn(text: str, most: int = _MOST_TEXT) -> str:
    """Return a text so that Slack shows it as it is: no mentions and no links; at most `most` UTF-16 units.

    Examples
    --------
    >>> mrkdwn("<!channel> & more"), mrkdwn("a<b", most=4)
    ('&lt;!channel&gt; &amp; more', 'a…')
    """
    return words.cut([_ENTITIES.get(character, character) for character in text], most)


def fallback(notice: Notice) -> str:
    """Return the text of notifications and of programs that read messages aloud."""
    return mrkdwn(header(notice))


def header(notice: Notice) -> str:
    """Return the severity or state, and the title."""
    state = {"resolved": "Resolved", "stale": "No data"}.get(notice.state, notice.severity.capitalize())
    return words.cut(f"{state}: {words.headline(notice)}", _MOST_HEADER)


def blocks(notice: Notice, picture: bool = True, buttons: bool = True) -> list[dict[str, Any]]:
    """Return the blocks of a message, with or without its picture and its buttons."""
    title = {"type": "plain_text", "text": header(notice), "emoji": False}
    explain = _text(f"`{mrkdwn(words.explain(notice.alert), _MOST_COMMAND)}`")
    return [
        {"type": "header", "text": title},
        *_facts(notice),
        *(_picture(notice) if picture else []),
        {"type": "context", "elements": [explain]},
        *(_buttons(notice) if buttons else []),
    ]


def _facts(notice: Notice) -> Iterator[dict[str, Any]]:
    services = words.storm(notice)
    if services:
        yield {"type": "section", "text": _text(f"*Storm*: {mrkdwn(services, _MOST_STORM)}")}
    if notice.facts:
        fields = [_text(_field(name, text)) for name, text in notice.facts[:_MOST_FIELDS]]
        yield {"type": "section", "fields": fields}


def _picture(notice: Notice) -> Iterator[dict[str, Any]]:
    url = notice.picture_url
    if url and len(url) <= _MOST_URL:
        yield {"type": "image", "image_url": url, "alt_text": "memory over time, with the limit"}


def _buttons(notice: Notice) -> Iterator[dict[str, Any]]:
    """Yield the buttons where they make sense: a label is for one alert, and a storm has several."""
    if notice.test or notice.services or notice.state == "resolved":
        return
    value = msgspec.json.encode(Pressed(notice.alert.service, notice.alert.key)).decode()
    if words.cut(value, _MOST_VALUE) == value:
        yield {"type": "actions", "elements": [_button(action, value) for action in ACTIONS]}


def _field(name: str, text: str) -> str:
    return f"*{mrkdwn(words.one_line(name), _MOST_NAME)}*\n{_linked(text) or mrkdwn(text, _MOST_FACT)}"


def _linked(text: str) -> str | None:
    """Return a text that is an address and nothing else as a link; None for others."""
    link = f"<{mrkdwn(text)}>"
    return link if _ADDRESS.fullmatch(text) and len(link) <= _MOST_FACT else None


def _text(text: str) -> dict[str, Any]:
    # `verbatim`: Slack does not look for names and mentions in it.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _button(action: str, value: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": _LABELS[action]},
        "value": value,
    }
