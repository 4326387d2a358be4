"""Slack: one message for one alert, kept up to date in its place, with what is new in its thread.

Do not use it to wake people: nobody must acknowledge a message, and a repetition can be a second message.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from fleetleak.stream.target import Answer, Delivered, Never, TryAgain
from sinks.notify import words
from sinks.notify.http import Http, NoReply, Reply, address, after, meaning, without_login
from sinks.notify.notifier import Notice, Notifier
from sinks.notify.notifiers import slack_blocks
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret

# Errors that pass by themselves; Slack sends them with the status 200.
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "service_unavailable", "fatal_error", "request_timeout"}
)
# The message of before cannot be changed: it was deleted, or is in a channel that the app has left.
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})
# Among other causes: Slack could not load the picture.
_BAD_BLOCKS = "invalid_blocks"
_REMEDIES = {
    "not_in_channel": "invite the app to the channel",
    "channel_not_found": "there is no such channel, or it is private and the app is not in it",
    "is_archived": "the channel is archived; name another one",
    "channel_is_archived": "the channel is archived; name another one",
    "invalid_auth": "the token is wrong",
    "not_authed": "the token is wrong",
    "token_revoked": "the token was revoked; install the app anew",
    "token_expired": "the token is too old; install the app anew",
    "account_inactive": "the token belongs to an app that was removed",
    "missing_scope": "give the app the scope chat:write, and install it anew",
    "no_service": "the webhook was removed; make a new one",
    "no_team": "the webhook is wrong",
    "invalid_token": "the webhook is wrong",
    "action_prohibited": "the workspace does not allow the webhook to post there",
}
_TOKEN = re.compile(r"[!-~]+")


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The table of a target of the kind `slack`: a token and a channel, or the URL of an incoming webhook.

    Parameters
    ----------
    token
        The bot token of an app with the scope `chat:write`.
    channel
        The ID of a channel (`C0123456789`); with the scope `chat:write.public` its name does too.
    webhook_url
        It only posts: no message changes, and none has buttons.
    url
        Where the methods of Slack's API are.
    """

    token: Secret | None = None
    channel: str | None = None
    webhook_url: Secret | None = None
    url: str = "https://slack.com/api"

    def __post_init__(self) -> None:
        without_login(self.url)
        if (self.token is None) == (self.webhook_url is None):
            raise ValueError("give either token or webhook_url")
        if (self.token is None) != (not self.channel):
            raise ValueError("channel goes with token: give both")


class _Said(Struct):
    """What Slack's API answers."""

    ok: bool
    error: str = ""
    channel: str = ""
    ts: str = ""
    response_metadata: dict[str, Any] = {}

    def why(self) -> str:
        """Return the error, what to do, and what Slack found wrong in the message."""
        messages = self.response_metadata.get("messages")
        details = " ".join(str(m) for m in messages) if isinstance(messages, list) else ""
        return words.cut(" ".join(filter(None, (_with_remedy(self.error), details))), 300)


class Slack(Notifier):
    """Posts a message for the first notice of a key, and changes that message for the later ones."""

    SETTINGS = Settings
    DEDUPLICATES = False

    def __init__(self, settings: Settings) -> None:
        self._channel = settings.channel
        self._url = settings.url.rstrip("/")
        self._headers = {"content-type": "application/json; charset=utf-8"}
        self._webhook = settings.webhook_url.value() if settings.webhook_url else None
        secrets: list[str] = []
        if self._webhook is not None:
            secrets = [self._webhook, _path(self._webhook)]
        if settings.token:
            token = settings.token.value()
            if not _TOKEN.fullmatch(token):
                raise BadPolicy("the token of Slack has a space or another character that no token has")
            self._headers["authorization"] = f"Bearer {token}"
            secrets = [token]
        self._http = Http(secrets=secrets)

    def send(self, notice: Notice) -> Answer:
        """Post or change the message of a notice."""
        if self._webhook is not None:
            return self._post_to_webhook(self._webhook, notice)
        channel, _, ts = (notice.ref or "").partition(":")
        if not ts:
            return self._post(notice)
        said = self._say("chat.update", notice, channel=channel, ts=ts)
        if isinstance(said, _Said) and said.error in _GONE:
            return self._post(notice)
        answer = _answer(said)
        if isinstance(answer, Delivered) and _is_news(notice):
            reply = self._reply(notice, channel, ts)
            return reply if isinstance(reply, TryAgain) else Delivered(notice.ref)
        return Delivered(notice.ref) if isinstance(answer, Delivered) else answer

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def _post(self, notice: Notice) -> Answer:
        return _answer(self._say("chat.postMessage", notice, channel=self._channel))

    def _reply(self, notice: Notice, channel: str, ts: str) -> Answer:
        text = slack_blocks.mrkdwn(_news(notice))
        return _answer(self._call("chat.postMessage", {"channel": channel, "thread_ts": ts, "text": text}))

    def _say(self, method: str, notice: Notice, **where: str | None) -> _Said | TryAgain | Never:
        """Send a whole message; without its picture if Slack does not take it with one."""
        message = {**where, "text": slack_blocks.fallback(notice), "blocks": slack_blocks.blocks(notice)}
        said = self._call(method, message)
        if isinstance(said, _Said) and said.error == _BAD_BLOCKS and notice.picture_url:
            return self._call(method, message | {"blocks": slack_blocks.blocks(notice, picture=False)})
        return said

    def _call(self, method: str, message: dict[str, Any]) -> _Said | TryAgain | Never:
        body = msgspec.json.encode(message)
        try:
            return _read(self._http.request("POST", f"{self._url}/{method}", body, self._headers))
        except NoReply as error:
            return TryAgain(str(error))

    def _post_to_webhook(self, url: str, notice: Notice) -> Answer:
        answer = self._to_webhook(url, notice, picture=True)
        if isinstance(answer, Never) and _BAD_BLOCKS in answer.why and notice.picture_url:
            answer = self._to_webhook(url, notice, picture=False)
        if isinstance(answer, Never):
            return Never(answer.reason, _with_remedy(answer.why))
        return answer

    def _to_webhook(self, url: str, notice: Notice, picture: bool) -> Answer:
        blocks = slack_blocks.blocks(notice, picture=picture, buttons=False)
        body = msgspec.json.encode({"text": slack_blocks.fallback(notice), "blocks": blocks})
        return self._http.post(url, body, self._headers)


def _path(url: str) -> str:
    """Return the path of a webhook's address, which is its secret part.

    Raises
    ------
    BadPolicy
        If it is no address; without the address.
    """
    path = address(url, "the secret webhook_url").path
    if len(path) < 2:
        raise BadPolicy("the secret webhook_url is not the address of a webhook")
    return path


def _read(reply: Reply) -> _Said | TryAgain | Never:
    """Return what Slack says; its errors have the status 200, those on the way have others."""
    try:
        said = msgspec.json.decode(reply.body, type=_Said)
    except msgspec.DecodeError:
        answer = meaning(reply)
        return TryAgain(f"not an answer of Slack: {reply.words}") if isinstance(answer, Delivered) else answer
    if said.ok:
        return said
    if said.error in _PASSING or isinstance(meaning(reply), TryAgain):
        return TryAgain(f"{reply.status} {said.error}", after(reply))
    return said


def _answer(said: _Said | TryAgain | Never) -> Answer:
    if not isinstance(said, _Said):
        return said
    if not said.ok:
        return Never("refused", said.why())
    return Delivered(f"{said.channel}:{said.ts}" if said.channel and said.ts else None)


def _with_remedy(why: str) -> str:
    remedy = next((remedy for error, remedy in _REMEDIES.items() if error in why.split()), None)
    return f"{why}: {remedy}" if remedy else why


def _is_news(notice: Notice) -> bool:
    return notice.state != "updated" or notice.alert.news is not None


def _news(notice: Notice) -> str:
    """Return what is new, on one line."""
    if notice.state == "resolved":
        return words.one_line(f"Resolved: {notice.alert.closed_by or notice.title}")
    if notice.state == "stale":
        return "No data: nobody knows whether it still fires."
    return words.one_line(notice.alert.news or f"Fires again: {notice.title}")


NOTIFIER = Slack
