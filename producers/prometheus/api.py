"""The query API of Prometheus, and of everything that answers like it (Thanos, Mimir, VictoriaMetrics)."""

from __future__ import annotations

import logging
import re
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from fleetleak.settings import BadSetting
from fleetleak.settings.tree import PrometheusSettings
from producers.prometheus.series import Points, Window

_MOST_BYTES = 512 * 2**20
_SHOWN = 200
_CONNECT_SECONDS = 10.0
_LEAST_SECONDS = 600.0  # of the time in which series are asked for
_TRIES = 5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
# Statuses that another attempt may change.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
# What a server says when it was asked for too much at once: 422 and "timeout" are Prometheus' own.
_TOO_MUCH = frozenset({413, 422, 504})
# RFC 9110, 5.6.2.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LOGGERS = ("httpx2", "httpcore2")


class ApiFailed(Exception):
    """The server did not give what was asked for. The message is one line, and says what to do."""


class TooMuch(ApiFailed):
    """The server refused an answer of this size: a shorter time may do."""


class _Result(Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Data(Struct):
    result: list[_Result] = []


class _Ranges(Struct):
    data: _Data


class _Said(Struct):
    """What an answer says of itself."""

    status: str = ""
    error: str = ""
    errorType: str = ""  # noqa: N815 - the name in the answer
    warnings: list[str] = []
    isPartial: bool = False  # noqa: N815 - VictoriaMetrics


class _Labels(Struct):
    data: list[dict[str, str]] = []


class Api:
    """One server. Several threads may ask it.

    Parameters
    ----------
    sleep
        Waits some seconds before another attempt.

    Attributes
    ----------
    partial
        How often the server said that an answer lacks something, by what it said.

    Raises
    ------
    BadSetting
        If the address, a file or a header cannot be used.
    """

    def __init__(self, settings: PrometheusSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        for name in _LOGGERS:  # they log every address, and a login may be part of one
            logging.getLogger(name).setLevel(logging.WARNING)
        url = _address(settings.url)
        self.name = str(url).rstrip("/")
        self._sleep = sleep
        self.partial: dict[str, int] = {}
        self._most_steps = sys.maxsize
        self._has_answered = False
        self._client = httpx2.Client(
            base_url=url,
            auth=_auth(settings),
            headers=_headers(settings),
            verify=_tls(settings),
            timeout=httpx2.Timeout(settings.timeout_seconds, connect=_CONNECT_SECONDS),
            follow_redirects=False,
        )

    def range(self, query: str, window: Window) -> list[Points]:
        """Return the series of a query in a window; the server is asked for halves if it refuses the whole.

        Raises
        ------
        ApiFailed
            If the server does not answer, or refuses.
        """
        if window.steps > self._most_steps:
            return self._halves(query, window)
        asked = {"query": query, "start": _number(window.begin), "end": _number(window.end)}
        try:
            body = self._get("query_range", {**asked, "step": _number(window.step)})
        except TooMuch:
            if window.steps == 1:
                raise
            # A slow server would need its whole timeout again for each query of this size.
            self._most_steps = min(self._most_steps, window.steps // 2 + 1)
            return self._halves(query, window)
        return [_points(one, window) for one in _decoded(body, _Ranges, self.name).data.result]

    def _halves(self, query: str, window: Window) -> list[Points]:
        first, second = window.halves()
        return [*self.range(query, first), *_shifted(self.range(query, second), first.steps)]

    def series(self, select: str, begin: float, end: float) -> list[dict[str, str]]:
        """Return the labels of all series of a selector that had samples in a time (unix seconds).

        The server is asked for halves of the time if it refuses the whole; a series may then come twice.

        Raises
        ------
        ApiFailed
            If the server does not answer, or refuses.
        """
        try:
            body = self._get("series", {"match[]": select, "start": _number(begin), "end": _number(end)})
        except TooMuch:
            if end - begin < _LEAST_SECONDS:
                raise
            middle = (begin + end) / 2
            return [*self.series(select, begin, middle), *self.series(select, middle, end)]
        every: list[dict[str, str]] = _decoded(body, _Labels, self.name).data
        return every

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _get(self, path: str, params: Mapping[str, str]) -> bytes:
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(1, _TRIES + 1):
            try:
                return self._once(path, params)
            except _Passing as error:
                if attempt == _TRIES:
                    raise ApiFailed(f"{self.name}, asked {_TRIES} times: {error}") from None
                self._sleep(min(pause if error.after is None else error.after, _LONGEST_PAUSE_SECONDS))
                pause *= 2
        raise AssertionError

    def _once(self, path: str, params: Mapping[str, str]) -> bytes:
        try:
            with self._client.stream("GET", f"api/v1/{path}", params=dict(params)) as response:
                body = _read(response)
        except httpx2.ReadTimeout:
            raise TooMuch(f"{self.name} did not answer in time (prometheus.timeout_seconds)") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            if "CERTIFICATE" in str(error) or "SSL" in str(error):
                raise ApiFailed(
                    f"{self.name} does not speak TLS, or has a certificate that we do not trust: {error}:"
                    " give an address with http://, or prometheus.ca_file"
                ) from None
            why = f"cannot be reached: {error or type(error).__name__}: is it running there?"
            # Before the first answer it is a wrong address rather than an outage.
            if isinstance(error, httpx2.ConnectError) and not self._has_answered:
                raise ApiFailed(f"{self.name} {why}") from None
            raise _Passing(why) from None
        self._has_answered = True
        said = _said(body)
        self._check(response, body, said)
        for warning in (*said.warnings, *(["the answer is partial"] if said.isPartial else ())):
            line = _line(warning)
            self.partial[line] = self.partial.get(line, 0) + 1
        return body

    def _check(self, response: httpx2.Response, body: bytes, said: _Said) -> None:
        """Raise what a status means."""
        status = response.status_code
        words = _line(said.error or body[: 4 * _SHOWN].decode(errors="replace"))
        if status in _TOO_MUCH or said.errorType in ("timeout", "execution"):
            raise TooMuch(f"{self.name} refused a query ({status}): {words}")
        if status in _PASSING:
            raise _Passing(f"answered {status} {words}".strip(), _after(response))
        if status in (401, 403):
            raise ApiFailed(
                f"{self.name} refused us ({status}): give prometheus.user with a password file, a token file,"
                " or a header such as X-Scope-OrgID"
            )
        if 300 <= status < 400:
            place = _line(response.headers.get("location", "nowhere"))
            raise ApiFailed(f"{self.name} sends us to {place}: give that address, or a token")
        if status == 404 and not said.error:
            raise ApiFailed(
                f"{self.name} has no query API: the address must be what comes before /api/v1 of a Prometheus"
                " (Mimir: .../prometheus; a cluster of VictoriaMetrics: .../select/0/prometheus)"
            )
        if status != 200 or said.status == "error":
            raise ApiFailed(f"{self.name} refused a query ({status}): {words}")
        if said.status != "success":
            raise ApiFailed(f"{self.name} does not answer as Prometheus does: {words[:80]}")


class _Passing(Exception):
    """What another attempt may change."""

    def __init__(self, words: str, after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


def _line(text: str) -> str:
    """Return the beginning of a text as one line that a terminal can show."""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())[:_SHOWN]


def _read(response: httpx2.Response) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > _MOST_BYTES:
            raise TooMuch(f"an answer has more than {_MOST_BYTES >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def _said(body: bytes) -> _Said:
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(body, type=_Said)
    return _Said()


def _decoded(body: bytes, kind: Any, name: str) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ApiFailed(f"{name} does not answer as Prometheus does: {error}") from None


def _points(result: _Result, window: Window) -> Points:
    values = [_float(value) for _, value in result.values]
    return Points(result.metric, [window.number(time) for time, _ in result.values], values)


def _float(text: str) -> float:
    """Return a value; not a number where it is none, so that it is counted with other impossible values."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _shifted(every: list[Points], steps: int) -> list[Points]:
    return [Points(one.labels, [number + steps for number in one.at], one.values) for one in every]


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _after(response: httpx2.Response) -> float | None:
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _address(text: str | None) -> httpx2.URL:
    if text is None:
        raise BadSetting(
            "setting prometheus.url is not given: give an address that begins with http:// or https://"
        )
    with suppress(httpx2.InvalidURL):
        url = httpx2.URL(text.rstrip("/") + "/")
        if url.userinfo:
            raise BadSetting(
                "setting prometheus.url has a login in it: give prometheus.user and prometheus.password_file"
            )
        if url.scheme in ("http", "https") and url.host and not url.query and not url.fragment:
            return url
    raise BadSetting(
        "setting prometheus.url: give an address that begins with http:// or https://, without ? and #"
    )


def _auth(settings: PrometheusSettings) -> httpx2.BasicAuth | None:
    if settings.user is None:
        return None
    return httpx2.BasicAuth(settings.user, _secret("password_file", settings.password_file) or "")


def _headers(settings: PrometheusSettings) -> dict[str, str]:
    # The client repeats a value with a blank around it in its error: secrets too.
    headers = {name: value.strip() for name, value in settings.headers.items()}
    for name, value in headers.items():
        if not (_HEADER_NAME.fullmatch(name) and _can_be_sent(value)):
            raise BadSetting(f"setting prometheus.headers: {name!a} has a sign that no header can have")
    if token := _secret("token_file", settings.token_file):
        if not _can_be_sent(token):
            raise BadSetting("setting prometheus.token_file: the token has a sign that no header can have")
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _can_be_sent(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _secret(name: str, path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"setting prometheus.{name}: {path} cannot be read: {error}") from None


def _tls(settings: PrometheusSettings) -> ssl.SSLContext | bool:
    if settings.certificate_file is None and (settings.ca_file is None or not settings.verify):
        return settings.verify
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if not settings.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if settings.certificate_file is not None:
            context.load_cert_chain(settings.certificate_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(f"setting prometheus.ca_file, certificate_file or key_file: {error}") from None
    return context
