"""Each notice as one POST of JSON to a URL.

Do not use it for a service that has a kind of its own: that one knows how to update and resolve there.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import quote

from msgspec import Struct

from fleetleak.stream.target import Answer
from sinks.notify.body import body
from sinks.notify.http import Http, address, header_value, without_login
from sinks.notify.notifier import Notice, Notifier
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret

_OURS = ("authorization", "content-type", "idempotency-key", "x-fleetleak-timestamp", "x-fleetleak-signature")


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The fields of a target of kind `webhook`.

    Parameters
    ----------
    url
        Where notices are sent; a secret if it has a token in it.
    secret
        Signs each notice, so that the receiver knows who sent it.
    authorization
        The header `Authorization`.
    headers
        Further headers, such as one that names the sender. They are no place for secrets.
    """

    url: str | Secret
    secret: Secret | None = None
    authorization: Secret | None = None
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        if isinstance(self.url, str):
            without_login(self.url)


class Webhook(Notifier):
    """Sends the object `notice/1`. The receiver de-duplicates by the header `Idempotency-Key`."""

    SETTINGS = Settings
    DEDUPLICATES = True

    def __init__(self, settings: Settings) -> None:
        secrets: list[str] = []
        if isinstance(settings.url, Secret):
            self._url = settings.url.value()
            path = address(self._url).path
            # The path of `/` hides nothing.
            secrets += [self._url, *([path] if len(path) > 1 else [])]
        else:
            self._url = settings.url
        for name, value in settings.headers.items():
            if name.lower() in _OURS:
                raise BadPolicy(f"headers: {name} cannot be set")
            header_value(f"headers: {name}", name + value)
        self._headers = dict(settings.headers)
        if settings.authorization is not None:
            login = settings.authorization.value()
            self._headers["Authorization"] = header_value("authorization", login)
            secrets.append(login)
        self._secret = None if settings.secret is None else settings.secret.value().encode()
        self._http = Http(secrets=secrets)

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
