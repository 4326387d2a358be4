"""One HTTP request to a target, bounded in time and size, and what its status means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

import httpx2

from fleetleak.stream.target import Answer, Delivered, Never, TryAgain

SECONDS = 15.0
"""The longest that an attempt lasts."""
_READ_SECONDS = 5.0
_MOST_BYTES = 256 * 1024
_SHOWN = 200
# Statuses beside 5xx that another attempt may change.
_PASSING = frozenset({408, 409, 425, 429})


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
    """Requests to one target. Redirects are not followed, since a secret would go along."""

    def __init__(self) -> None:
        self._client = httpx2.Client(timeout=_READ_SECONDS, follow_redirects=False)

    def request(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send one request and return the answer, at most the first 256 KiB of it.

        Raises
        ------
        NoReply
            If there is no whole answer within `SECONDS`.
        """
        deadline = time.monotonic() + SECONDS
        try:
            with self._client.stream(method, url, content=body, headers=dict(headers or {})) as response:
                received = b""
                for chunk in response.iter_bytes():
                    received += chunk
                    if len(received) > _MOST_BYTES:
                        break
                    if time.monotonic() > deadline:
                        raise NoReply(f"no whole answer within {SECONDS:g} s")
                return Reply(response.status_code, response.headers, received[:_MOST_BYTES])
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NoReply(f"{type(error).__name__}: {error}") from None

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
