"""PagerDuty, Slack and a JSON webhook of Apprise, as far as their documentation promises."""

from __future__ import annotations

import base64
import hmac
import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from tests.notify import alertmanager_schema
from tests.notify.servers import (
    WAIT_SECONDS,
    Asked,
    Failure,
    Given,
    Inbox,
    Seen,
    Server,
    Target,
    Wrong,
    echoed,
)

T = TypeVar("T")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def _strict(body: bytes, to: type[T]) -> T:
    """Read JSON; characters are counted as UTF-16 units, in case the service counts so."""
    try:
        return msgspec.json.decode(_ASTRAL.sub("xx", body.decode()), type=to)
    except msgspec.DecodeError as error:
        raise Wrong(str(error)) from None


_Text255 = Annotated[str, Meta(min_length=1, max_length=255)]
_Text1024 = Annotated[str, Meta(min_length=1, max_length=1024)]
_Text2000 = Annotated[str, Meta(min_length=1, max_length=2000)]
_Text3000 = Annotated[str, Meta(min_length=1, max_length=3000)]
_Text4000 = Annotated[str, Meta(min_length=1, max_length=4000)]

# --- PagerDuty: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/

PAGERDUTY_KEY = "0123456789abcdef0123456789abcdef"


class _Payload(Struct, forbid_unknown_fields=True, rename={"class_": "class"}):
    summary: _Text1024
    source: _Text1024
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: datetime | None = None
    component: str | None = None
    group: str | None = None
    class_: str | None = None
    custom_details: dict[str, str] = {}


class _Image(Struct, forbid_unknown_fields=True):
    src: Annotated[str, Meta(pattern="^https://")]
    href: str | None = None
    alt: str | None = None


class _Link(Struct, forbid_unknown_fields=True):
    href: Annotated[str, Meta(pattern="^https?://")]
    text: str | None = None


class Event(Struct, forbid_unknown_fields=True):
    """An event of PagerDuty's Events API v2."""

    routing_key: Annotated[str, Meta(min_length=32, max_length=32)]
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: _Text255
    payload: _Payload | None = None
    images: list[_Image] = []
    links: list[_Link] = []
    client: str | None = None
    client_url: str | None = None


class PagerDutyTarget(Target):
    """It knows which incidents are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: set[str] = set()
        self.events: list[Event] = []

    def take(self, request: Asked) -> Given:
        """Take one event."""
        if (request.method, request.path) != ("POST", "/v2/enqueue"):
            raise Wrong(f"{request.method} {request.path}")
        if request.headers.get("content-type") != "application/json" or len(request.body) > 512_000:
            raise Wrong("not JSON, or too large")
        event = _strict(request.body, Event)
        if event.routing_key != PAGERDUTY_KEY:
            raise Wrong("routing_key")
        if event.event_action == "trigger":
            if event.payload is None:
                raise Wrong("a trigger needs a payload")
            self.open.add(event.dedup_key)
        else:
            self.open.discard(event.dedup_key)
        self.events.append(event)
        shown = msgspec.json.decode(request.body)
        self.seen.append(Seen(f"{shown['event_action']} {_words(shown.get('payload'))}", shown))
        said = {"status": "success", "message": "Event processed", "dedup_key": event.dedup_key}
        return Given(202, msgspec.json.encode(said))


def _words(value: Any) -> str:
    """Return all texts in a JSON value, names of fields too."""
    if isinstance(value, dict):
        return " ".join(f"{name} {_words(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(map(_words, value))
    return str(value)


# --- Slack: https://docs.slack.dev/reference/block-kit and /reference/methods/chat.postMessage

SLACK_TOKEN = "xoxb-17-secret-token"
SLACK_WEBHOOK = "/services/T01/B02/secret-of-the-webhook"


class _Plain(Struct, forbid_unknown_fields=True, tag_field="type", tag="plain_text"):
    text: _Text3000
    emoji: bool = True


class _Mrkdwn(Struct, forbid_unknown_fields=True, tag_field="type", tag="mrkdwn"):
    text: _Text3000
    verbatim: bool = False


class _Button(Struct, forbid_unknown_fields=True, tag_field="type", tag="button"):
    text: _Plain
    action_id: _Text255
    value: _Text2000
    style: Literal["primary", "danger"] | None = None


class _Header(Struct, forbid_unknown_fields=True, tag_field="type", tag="header"):
    text: _Plain


class _Section(Struct, forbid_unknown_fields=True, tag_field="type", tag="section"):
    text: _Plain | _Mrkdwn | None = None
    fields: Annotated[list[_Plain | _Mrkdwn], Meta(max_length=10)] = []


class _Picture(Struct, forbid_unknown_fields=True, tag_field="type", tag="image"):
    image_url: _Text3000
    alt_text: _Text2000


class _Context(Struct, forbid_unknown_fields=True, tag_field="type", tag="context"):
    elements: Annotated[list[_Plain | _Mrkdwn], Meta(min_length=1, max_length=10)]


class _Actions(Struct, forbid_unknown_fields=True, tag_field="type", tag="actions"):
    elements: Annotated[list[_Button], Meta(min_length=1, max_length=25)]


_Block = _Header | _Section | _Picture | _Context | _Actions
_Blocks = Annotated[list[_Block], Meta(max_length=50)]


class _Webhook(Struct, forbid_unknown_fields=True):
    text: _Text4000
    blocks: _Blocks = []


class _Post(Struct, forbid_unknown_fields=True):
    channel: str
    text: _Text4000
    blocks: _Blocks = []
    thread_ts: str | None = None
    unfurl_links: bool = True
    unfurl_media: bool = True


class _Update(Struct, forbid_unknown_fields=True):
    channel: Annotated[str, Meta(pattern="^C")]  # an ID: here Slack takes no names
    ts: str
    text: _Text4000
    blocks: _Blocks = []


class SlackTarget(Target):
    """A workspace with one channel.

    Attributes
    ----------
    messages
        The messages in the channel and in threads, by their `ts`.
    loads_pictures
        Whether Slack can load the pictures of messages.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        self.loads_pictures = True

    def take(self, request: Asked) -> Given:
        """Take one call of a method, or one post to the webhook."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Wrong("not JSON")
        if request.path == SLACK_WEBHOOK:
            message = _checked(request.body, _Webhook)
            if self._without_picture(message):
                return Given(400, b"invalid_blocks")
            self.seen.append(_read_aloud(message))
            return Given(200, b"ok")
        if request.headers.get("authorization") != f"Bearer {SLACK_TOKEN}":
            return _said(ok=False, error="invalid_auth")
        method = request.path.removeprefix("/api/")
        shapes: dict[str, type[Struct]] = {"chat.postMessage": _Post, "chat.update": _Update}
        if method not in shapes:
            raise Wrong(f"the method {method}")
        message = _checked(request.body, shapes[method])
        if self._without_picture(message):
            return _said(ok=False, error="invalid_blocks")
        ts = message.get("ts") or f"1790004080.{len(self.messages):06}"
        if method == "chat.update" and ts not in self.messages:
            return _said(ok=False, error="message_not_found")
        self.messages[ts] = message
        self.seen.append(_read_aloud(message))
        return _said(ok=True, channel="C01", ts=ts, message={"text": message["text"]})

    def _without_picture(self, message: dict[str, Any]) -> bool:
        types = [block["type"] for block in message.get("blocks", [])]
        return "image" in types and not self.loads_pictures

    def fail(self, failure: Failure, request: Asked) -> Given:
        """Answer with the status 200, as Slack does, unless it is busy."""
        if request.path.startswith("/services/"):
            return super().fail(failure, request)
        details = {"response_metadata": {"messages": [echoed(request).decode()]}}
        if failure is Failure.BUSY:
            given = _said(ok=False, error="ratelimited", **details)
            return given._replace(status=429, headers={"Retry-After": f"{WAIT_SECONDS:g}"})
        return _said(
            ok=False, error="internal_error" if failure is Failure.BROKEN else "channel_not_found", **details
        )


def _said(**answer: Any) -> Given:
    return Given(200, msgspec.json.encode(answer))


def _checked(body: bytes, to: type[Struct]) -> dict[str, Any]:
    """Return a message; it must be valid, mention nobody, and be as short as Slack wants it."""
    _strict(body, to)
    message: dict[str, Any] = msgspec.json.decode(body)
    if len(_ASTRAL.sub("xx", msgspec.json.encode(message.get("blocks", [])).decode())) > 13_000:
        raise Wrong("msg_blocks_too_long")
    for text in [message["text"], *_marked_up(message.get("blocks", []))]:
        if re.search(r"<(?!https?://)|&(?!amp;|lt;|gt;)", text):
            raise Wrong(f"not escaped: {text}")
    return message


def _marked_up(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "mrkdwn" else []
        return own + [text for inner in value.values() for text in _marked_up(inner)]
    return [text for inner in value for text in _marked_up(inner)] if isinstance(value, list) else []


def _read_aloud(message: dict[str, Any]) -> Seen:
    texts = _words([message["text"], message.get("blocks", [])])
    return Seen(texts.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), message)


# --- Apprise's own format for webhooks, schema json://


class _AppriseMessage(Struct, forbid_unknown_fields=True):
    version: str
    title: str
    message: Annotated[str, Meta(min_length=1, max_length=40_000)]
    type: Literal["info", "success", "warning", "failure"]
    attachments: list[Any] = []


APPRISE_PATH = "/secret-path-of-apprise"


class AppriseTarget(Target):
    """A service that Apprise knows."""

    def take(self, request: Asked) -> Given:
        """Take one message."""
        if request.path.rstrip("/") != APPRISE_PATH:
            raise Wrong("an unknown path")
        message = _strict(request.body, _AppriseMessage)
        self.seen.append(Seen(f"{message.title}\n{message.message}", message))
        return Given(200)


# --- Alertmanager: its OpenAPI document, v2 (tests/notify/test_alertmanager.py asks a real one)

ALERTMANAGER_PASSWORD = "password-of-alertmanager"
ALERTMANAGER_BEARER = "bearer-token-of-alertmanager"
ALERTMANAGER_LOGIN = base64.b64encode(f"fleetleak:{ALERTMANAGER_PASSWORD}".encode()).decode()


class AlertmanagerTarget(Target):
    """It takes arrays of alerts, and reads the last one of each as its news."""

    def take(self, request: Asked) -> Given:
        """Take one post."""
        if (request.method, request.path) != ("POST", "/api/v2/alerts"):
            raise Wrong(f"{request.method} {request.path}")
        logins = (f"Basic {ALERTMANAGER_LOGIN}", f"Bearer {ALERTMANAGER_BEARER}")
        if request.headers.get("authorization") not in logins:
            raise Wrong("the login")
        try:
            alerts = alertmanager_schema.parsed(request.body)
        except msgspec.DecodeError as error:
            raise Wrong(str(error)) from None
        newest = alerts[-1]
        shown = [*newest.labels.items(), *newest.annotations.items()]
        words = " ".join(f"{name.replace('_', ' ')} {text}" for name, text in shown)
        self.seen.append(Seen(words, newest))
        return Given(200)


# --- The notifier `webhook`: the headers and the object that docs/alerting.md promises

WEBHOOK_SECRET = "secret-of-the-webhook"
WEBHOOK_PATH = "/hook/with-a-token-in-it"


class _Fact(Struct, forbid_unknown_fields=True):
    name: str
    text: str


class NoticeBody(Struct, forbid_unknown_fields=True, tag_field="schema", tag="notice/1"):
    """The object `notice/1`."""

    key: Annotated[str, Meta(min_length=1)]
    state: Literal["firing", "updated", "stale", "resolved"]
    severity: Literal["low", "medium", "high", "critical"]
    title: str
    facts: list[_Fact]
    alert: dict[str, Any]
    services: list[str]
    picture_url: str | None
    test: bool


class WebhookTarget(Target):
    """A receiver that checks who sent a notice before it reads: by the signature, or by path and login."""

    def take(self, request: Asked) -> Given:
        """Take one notice."""
        moment = request.headers.get("x-fleetleak-timestamp", "")
        if request.path == WEBHOOK_PATH:
            if request.headers.get("authorization") not in (None, WEBHOOK_SECRET):
                raise Wrong("the login")
            return _noted(self, request.body, 204)
        signed = hmac.new(WEBHOOK_SECRET.encode(), f"{moment}.".encode() + request.body, "sha256").hexdigest()
        if request.headers.get("x-fleetleak-signature") != f"v1={signed}":
            raise Wrong("the signature")
        if not request.headers.get("idempotency-key") or abs(time.time() - float(moment)) > 60:
            raise Wrong("no key to de-duplicate by, or another time")
        return _noted(self, request.body, 204)


def _noted(inbox: Inbox, body: bytes, status: int = 200) -> Given:
    notice = _strict(body, NoticeBody)
    shown = msgspec.json.decode(body)
    services = f"storm of {len(notice.services)} services: {', '.join(notice.services)}"
    words = f"{_words(shown['title'])} {_words(shown['facts'])} {services * bool(notice.services)}"
    inbox.seen.append(Seen(words, notice))
    return Given(status)


# --- The notifier `stdout`


class _Lines(io.TextIOBase):
    """It stands in for stdout, and takes every line for a notice."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            _noted(self._inbox, line.encode())
        return len(text)


@contextmanager
def stdout_lines(_failure: Failure | None) -> Iterator[Server]:
    """Take the place of stdout."""
    inbox = Inbox()
    with redirect_stdout(_Lines(inbox)):
        yield Server("stdout:", inbox)
