"""One HTTP request to a target, bounded in time and size, and what its status means."""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import httpx2

from fleetleak.stream.target import Answer, Delivered, Never, TryAgain
from sinks.notify.deadline import Deadline
from sinks.policy.conditions import BadPolicy

SECONDS = 15.0
"""The longest that an attempt lasts."""
_READ_SECONDS = 5.0
_MOST_BYTES = 4 * 2**20
_SHOWN = 200
# Statuses beside 5xx that another attempt may change.
_PASSING = frozenset({408, 409, 425, 429})
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")

# They log every URL at the level info, and addresses of targets contain secrets.
for _logger in ("httpx2", "httpcore2"):
    logging.getLogger(_logger).setLevel(logging.WARNING)


class Reply(NamedTuple):
    """What a target answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """The status and the beginning of the body, for people."""
        text = " ".join(self.body[: 4 * _SHOWN].decode(errors="replace").split())
        return f"{self.status} {text[:_SHOWN]}".strip()


class NoReply(Exception):
    """The target did not answer, or not in time."""


class Http:
    """Requests to one target. Redirects are not followed, since a secret would go along.

    Parameters
    ----------
    seconds
        The longest that a request lasts; None: `SECONDS`.
    secrets
        Texts that a reply must not repeat; three asterisks stand for them.
    """

    def __init__(self, seconds: float | None = None, secrets: Collection[str] = ()) -> None:
        self._seconds = SECONDS if seconds is None else seconds
        self._secrets = [secret.encode() for secret in secrets]
        # Without kept connections every request has a new socket, which its deadline can shut down.
        self._client = httpx2.Client(
            timeout=min(_READ_SECONDS, self._seconds),
            follow_redirects=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def request(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send one request and return the answer, at most the first 4 MiB of it.

        Raises
        ------
        NoReply
            If there is no whole answer in time.
        """
        sockets: list[socket.socket] = []

        def trace(event: str, info: dict[str, Any]) -> None:
            if event.endswith(_CONNECTED):
                sockets.append(info["return_value"].get_extra_info("socket"))

        with Deadline(self._seconds, lambda: sockets[-1] if sockets else None) as deadline:
            try:
                with self._client.stream(
                    method, url, content=body, headers=dict(headers or {}), extensions={"trace": trace}
                ) as response:
                    received = b""
                    for chunk in response.iter_bytes():
                        received += chunk
                        if len(received) > _MOST_BYTES:
                            break
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                late = f"no whole answer within {self._seconds:g} s"
                raise NoReply(late if deadline.passed else f"{type(error).__name__}: {error}") from None
        if deadline.passed:
            raise NoReply(f"no whole answer within {self._seconds:g} s")
        return Reply(response.status_code, response.headers, self._hidden(received[:_MOST_BYTES]))

    def _hidden(self, received: bytes) -> bytes:
        for secret in self._secrets:
            received = received.replace(secret, b"***")
        return received

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a body and return what the status means."""
        try:
            return meaning(self.request("POST", url, body, headers))
        except NoReply as error:
            return TryAgain(str(error))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def meaning(reply: Reply) -> Answer:
    """Return what a status means for the delivery."""
    if 200 <= reply.status < 300:
        return Delivered()
    if reply.status >= 500 or reply.status in _PASSING:
        return TryAgain(reply.words, after(reply))
    return Never("refused", reply.words)


def after(reply: Reply) -> float | None:
    """Return the seconds that the target asks to wait; None if it does not say."""
    try:
        return max(0.0, float(reply.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def address(url: str, name: str = "url") -> httpx2.URL:
    """Return an address to which requests can be sent.

    Raises
    ------
    BadPolicy
        If it is none; the message has the name of its field only, because it may be a secret.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        parsed = httpx2.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.port == 0:
        raise BadPolicy(f"{name} must be an address that begins with https:// or http://")
    return parsed


def without_login(url: str) -> str:
    """Return an address; a login in it would be a secret in the policy file.

    Raises
    ------
    BadPolicy
        If it has one, or is no address.
    """
    if address(url).userinfo:
        raise BadPolicy("url has a login in it: a secret is no part of the policy file")
    return url


def header_value(name: str, value: str) -> str:
    """Return the value of a header.

    Raises
    ------
    BadPolicy
        If no header can have it; without the value, because it may be a secret.
    """
    if not (value.isascii() and value.isprintable()):
        raise BadPolicy(f"{name} has a sign that no header can have")
    return value
