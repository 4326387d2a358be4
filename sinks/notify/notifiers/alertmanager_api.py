"""Alertmanager's API v2: its address, login and replicas, and the labels by which it knows an alert."""

from __future__ import annotations

import base64
import logging
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from fleetleak.records import Alert
from fleetleak.stream.target import Answer, Delivered, TryAgain
from sinks.notify.http import Http, NoReply, Reply, header_value, meaning, without_login
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret

log = logging.getLogger(__name__)

_COMPLAIN_SECONDS = 60.0
_AWAY_SECONDS = 30.0
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
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
    take_labels
        Names of labels of the snapshot that every alert gets. Take only what all instances of a service have
        in common, such as a team: Alertmanager takes an alert whose labels change for another one.
    weak_labels
        Whether a silence on an alert counts as a weak label of the alert: expected.
    """

    urls: list[str]
    user: str | None = None
    password: Secret | None = None
    bearer: Secret | None = None
    labels: dict[str, str] = {}
    take_labels: list[str] = []
    weak_labels: bool = False

    def __post_init__(self) -> None:
        for url in self.urls:
            without_login(url)


def labels_of(
    alert: Alert, key: str, severity: str, settings: AlertmanagerSettings, storm: bool = False
) -> dict[str, str]:
    """Return the labels by which Alertmanager knows an alert.

    Parameters
    ----------
    settings
        Name further labels; they replace labels of the alert that have the same name.
    storm
        Whether it is a storm of alerts.
    """
    if storm:
        # Which alert is its first one changes.
        return settings.labels | {"alertname": "MemoryLeakStorm", "key": key, "severity": severity}
    taken = {name: (alert.labels or {}).get(name, "") for name in settings.take_labels}
    named = taken | settings.labels
    # Alertmanager drops a label without a value, and refuses a name that is none.
    labels = {name: value for name, value in named.items() if value and LABEL_NAME.fullmatch(name)}
    if alert.environment:
        labels["environment"] = alert.environment
    return labels | {"alertname": "MemoryLeak", "key": key, "service": alert.service, "severity": severity}


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
        self._urls = [url.rstrip("/") for url in dict.fromkeys(settings.urls)]
        login = _login(settings)
        self._headers = {"Content-Type": "application/json", **login}
        self._clock = clock
        self._complained: dict[str, float] = {}
        # Until when a replica that failed is asked only where no other one takes a post.
        self._away: dict[str, float] = {}
        self._http = Http(secrets=[value.rpartition(" ")[2] for value in login.values()])

    def post(self, path: str, body: bytes) -> Answer:
        """Send a body to every replica at the same time; for 30 s to none that failed, if another takes it.

        Delivered if at least one takes it; the others are logged. If all fail, the answer that leaves most
        hope: try again, before never.
        """
        now = self._clock()
        answers = self._ask([url for url in self._urls if self._away.get(url, now) <= now], path, body)
        if not _taken(answers):
            answers |= self._ask([url for url in self._urls if url not in answers], path, body)
        if not _taken(answers):
            failed = list(answers.values())
            return next((answer for answer in failed if isinstance(answer, TryAgain)), failed[0])
        for url, answer in answers.items():
            if not isinstance(answer, Delivered):
                self._complain(url, answer.why)
        return Delivered()

    def _ask(self, urls: list[str], path: str, body: bytes) -> dict[str, Answer]:
        with ThreadPoolExecutor(len(self._urls)) as pool:
            posts = pool.map(lambda url: self._http.post(url + path, body, self._headers), urls)
            answers = dict(zip(urls, posts, strict=True))
        until = self._clock() + _AWAY_SECONDS
        for url, answer in answers.items():
            self._away.pop(url, None)
            if isinstance(answer, TryAgain):
                self._away[url] = until
        return answers

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


def _taken(answers: Mapping[str, Answer]) -> bool:
    return any(isinstance(answer, Delivered) for answer in answers.values())


def _login(settings: AlertmanagerSettings) -> dict[str, str]:
    if (settings.user is None) != (settings.password is None):
        raise BadPolicy("user and password belong together: write both or none")
    if settings.user is not None and settings.bearer is not None:
        raise BadPolicy("write bearer, or user and password, not both")
    if settings.bearer is not None:
        return {"Authorization": header_value("bearer", f"Bearer {settings.bearer.value()}")}
    if settings.password is None:
        return {}
    pair = f"{settings.user}:{settings.password.value()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that Alertmanager or fleetleak cannot use.

    Raises
    ------
    BadPolicy
        With the name that is wrong.
    """
    for name in labels:
        if not LABEL_NAME.fullmatch(name):
            raise BadPolicy(f"labels: {name!r} is no name of a label: letters, digits and _ only")
        if name in _OWN_LABELS:
            raise BadPolicy(f"labels: {name} is set by fleetleak; choose another name")
