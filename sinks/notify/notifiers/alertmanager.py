"""Alertmanager: alerts by its API v2, to every replica, again and again while they fire.

Alertmanager knows an alert by its labels. So they hold what identifies an alert, and its severity, by which
people route. When the severity changes, one post ends the alert with the old severity and begins the new one.
"""

from __future__ import annotations

import base64
import logging
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from fleetleak.records import Alert
from fleetleak.stream.target import Answer, Delivered, TryAgain
from sinks.notify.http import Http, NoReply, Reply, meaning
from sinks.notify.notifier import Notice, Notifier
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret

log = logging.getLogger(__name__)

_REPEAT_SECONDS = 60.0
# An alert survives three posts that are lost or late; then Alertmanager resolves it by itself.
_ALIVE_SECONDS = 4 * _REPEAT_SECONDS
# The end of an alert must be later than its start; times are sent in milliseconds.
_LEAST_SECONDS = 0.001
_COMPLAIN_SECONDS = 60.0
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OWN_LABELS = frozenset({"alertname", "key", "service", "severity", "test"})


class AlertmanagerSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """The table of a target of the kind `alertmanager`.

    Parameters
    ----------
    urls
        The address of every replica, such as `http://alertmanager-0:9093`. Each one gets every post: replicas
        share silences, but no alerts.
    user, password
        The login, if Alertmanager asks for one.
    bearer
        A token instead of user and password.
    labels
        Further labels of every alert.
    weak_labels
        Whether a silence on an alert counts as a weak label of the alert: expected.
    """

    urls: list[str]
    user: str | None = None
    password: Secret | None = None
    bearer: Secret | None = None
    labels: dict[str, str] = {}
    weak_labels: bool = False


def labels_of(
    alert: Alert, key: str, severity: str, further: Mapping[str, str], storm: bool = False
) -> dict[str, str]:
    """Return the labels by which Alertmanager knows an alert.

    Parameters
    ----------
    further
        Labels of the settings; they replace labels of the alert that have the same name.
    storm
        Whether it is a storm of alerts.
    """
    named = {**(alert.labels or {}), **further}
    # Alertmanager drops a label without a value, and refuses a name that is none.
    labels = {name: value for name, value in named.items() if value and _LABEL_NAME.fullmatch(name)}
    if alert.environment:
        labels["environment"] = alert.environment
    labels["alertname"] = "MemoryLeakStorm" if storm else "MemoryLeak"
    return labels | {"key": key, "service": alert.service, "severity": severity}


class Replicas:
    """All replicas of one Alertmanager: their addresses, the login, and requests to them.

    Parameters
    ----------
    clock
        Monotonic seconds; a replica that fails is logged once a minute.

    Raises
    ------
    BadPolicy
        If an address or the login cannot be used.
    """

    def __init__(self, settings: AlertmanagerSettings, clock: Callable[[], float] = time.monotonic) -> None:
        if not settings.urls:
            raise BadPolicy(
                "urls is empty: write the address of every Alertmanager, such as http://host:9093"
            )
        self._urls = [_address(url) for url in dict.fromkeys(settings.urls)]
        self._headers = {"Content-Type": "application/json", **_login(settings)}
        self._clock = clock
        self._complained: dict[str, float] = {}
        self._http = Http()

    def post(self, path: str, body: bytes) -> Answer:
        """Send a body to every replica at the same time.

        Delivered if at least one takes it; the others are logged. If all fail, the answer that leaves most
        hope: try again, before never.
        """
        with ThreadPoolExecutor(len(self._urls)) as pool:
            answers = list(pool.map(lambda url: self._http.post(url + path, body, self._headers), self._urls))
        if not any(isinstance(answer, Delivered) for answer in answers):
            return next((answer for answer in answers if isinstance(answer, TryAgain)), answers[0])
        for url, answer in zip(self._urls, answers, strict=True):
            if not isinstance(answer, Delivered):
                self._complain(url, answer.why)
        return Delivered()

    def get(self, path: str) -> Reply | None:
        """Return the answer of the first replica that gives one; None if none does, which is logged."""
        for url in self._urls:
            try:
                reply = self._http.request("GET", url + path, headers=self._headers)
            except NoReply as error:
                self._complain(url, str(error))
                continue
            if isinstance(meaning(reply), Delivered):
                return reply
            self._complain(url, reply.words)
        return None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _complain(self, url: str, why: str) -> None:
        now = self._clock()
        if now - self._complained.get(url, -_COMPLAIN_SECONDS) >= _COMPLAIN_SECONDS:
            self._complained[url] = now
            log.warning("alertmanager %s: %s", url, why)


class Alertmanager(Notifier):
    """Sends a notice as an alert of Alertmanager; `ref` is the severity with which it was sent.

    Parameters
    ----------
    clock
        Unix seconds.
    """

    SETTINGS = AlertmanagerSettings
    DEDUPLICATES = True
    REPEAT_SECONDS = _REPEAT_SECONDS

    def __init__(self, settings: Any, clock: Callable[[], float] = time.time) -> None:
        _check_labels(settings.labels)
        self._labels: dict[str, str] = settings.labels
        self._replicas = Replicas(settings)
        self._clock = clock

    def send(self, notice: Notice) -> Answer:
        """Post to every replica at the same time, so that one that is away costs no more time."""
        answer = self._replicas.post("/api/v2/alerts", msgspec.json.encode(self._body(notice)))
        return Delivered(ref=notice.severity) if isinstance(answer, Delivered) else answer

    def close(self) -> None:
        """Close the connections."""
        self._replicas.close()

    def _body(self, notice: Notice) -> list[dict[str, Any]]:
        now = self._clock()
        alerts = [self._alert(notice, notice.severity, _end(notice, now))]
        if notice.ref is not None and notice.ref != notice.severity:
            # First, so that nobody sees the same alert twice.
            alerts.insert(0, self._alert(notice, notice.ref, now))
        return alerts

    def _alert(self, notice: Notice, severity: str, end: float) -> dict[str, Any]:
        alert = notice.alert
        labels = labels_of(alert, notice.key, severity, self._labels, storm=bool(notice.services))
        if notice.test:
            labels["test"] = "true"
        posted = {
            "labels": labels,
            "annotations": _annotations(notice),
            "startsAt": _iso(alert.since),
            "endsAt": _iso(max(end, alert.since + _LEAST_SECONDS)),
        }
        return posted if notice.picture_url is None else posted | {"generatorURL": notice.picture_url}


def _end(notice: Notice, now: float) -> float:
    return min(notice.alert.time, now) if notice.state == "resolved" else now + _ALIVE_SECONDS


def _annotations(notice: Notice) -> dict[str, str]:
    """Return the title and the facts by name; facts with the same name are lines of one annotation."""
    annotations = {"summary": notice.title}
    for name, text in notice.facts:
        word = _word(name)
        annotations[word] = f"{annotations[word]}\n{text}" if word in annotations else text
    links = {"runbook_url": notice.alert.runbook, "picture": notice.picture_url}
    return annotations | {name: url for name, url in links.items() if url}


def _word(name: str) -> str:
    """Return a name that Alertmanager takes.

    Examples
    --------
    >>> _word("Limit reached (p10)"), _word("90 % range")
    ('limit_reached_p10', '_90_range')
    """
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return word if _LABEL_NAME.fullmatch(word) else f"_{word}"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadPolicy(f"urls: {url!r} is no address: write one such as http://host:9093")
    if parts.username is not None:
        raise BadPolicy("urls: an address has a login in it: write user and password instead")
    return url.rstrip("/")


def _login(settings: AlertmanagerSettings) -> dict[str, str]:
    if (settings.user is None) != (settings.password is None):
        raise BadPolicy("user and password belong together: write both or none")
    if settings.user is not None and settings.bearer is not None:
        raise BadPolicy("write bearer, or user and password, not both")
    if settings.bearer is not None:
        return {"Authorization": f"Bearer {settings.bearer.value()}"}
    if settings.password is None:
        return {}
    pair = f"{settings.user}:{settings.password.value()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _check_labels(labels: Mapping[str, str]) -> None:
    for name in labels:
        if not _LABEL_NAME.fullmatch(name):
            raise BadPolicy(f"labels: {name!r} is no name of a label: letters, digits and _ only")
        if name in _OWN_LABELS:
            raise BadPolicy(f"labels: {name} is set by fleetleak; choose another name")


NOTIFIER = Alertmanager
