"""Each notice as one POST of JSON to a URL.

Do not use it for a service that has a kind of its own: that one knows how to update and resolve there.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import quote, urlsplit

from msgspec import Struct

from fleetleak.stream.target import Answer
from sinks.notify.body import body
from sinks.notify.http import Http
from sinks.notify.notifier import Notice, Notifier
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret

_OURS = ("content-type", "idempotency-key", "x-fleetleak-timestamp", "x-fleetleak-signature")


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The fields of a target of kind `webhook`.

    Parameters
    ----------
    url
        Where notices are sent.
    secret
        Signs each notice, so that the receiver knows who sent it.
    headers
        Further headers, such as one that names the sender. They are no place for secrets.
    """

    url: str
    secret: Secret | None = None
    headers: dict[str, str] = {}


class Webhook(Notifier):
    """Sends the object `notice/1`. The receiver de-duplicates by the header `Idempotency-Key`."""

    SETTINGS = Settings
    DEDUPLICATES = True

    def __init__(self, settings: Settings) -> None:
        if urlsplit(settings.url).scheme not in ("http", "https") or not urlsplit(settings.url).hostname:
            raise BadPolicy("url must be an address that begins with https:// or http://")
        for name, value in settings.headers.items():
            if name.lower() in _OURS or not (name + value).isascii() or not (name + value).isprintable():
                raise BadPolicy(f"headers: {name} cannot be set so")
        self._url = settings.url
        self._headers = settings.headers
        self._secret = None if settings.secret is None else settings.secret.value().encode()
        self._http = Http()

    def send(self, notice: Notice) -> Answer:
        """Post it once."""
        data = body(notice)
        timestamp = str(int(time.time()))
        headers = {
            **self._headers,
            "Content-Type": "application/json",
            "Idempotency-Key": f"{quote(notice.key, safe='/:')}/{notice.state}/{notice.alert.time}",
            "X-Fleetleak-Timestamp": timestamp,
        }
        if self._secret is not None:
            headers["X-Fleetleak-Signature"] = signature(self._secret, timestamp, data)
        return self._http.post(self._url, data, headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def signature(secret: bytes, timestamp: str, data: bytes) -> str:
    """Return the signature of a body sent at a time, as the receiver must compute it too."""
    signed = hmac.new(secret, timestamp.encode() + b"." + data, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


NOTIFIER = Webhook
