"""What the endpoint serves: answers of the targets that have a secret, and pictures of standing alerts."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from fleetleak.records import Alert, Label
from sinks import picture
from sinks.notify.answers import handlers
from sinks.notify.answers.endpoint import Handle
from sinks.notify.http import Http, NoReply
from sinks.notify.naming import key_of
from sinks.policy.file import AnswersTable

log = logging.getLogger(__name__)

_MOST_PICTURES = 64
AlertOf = Callable[[str], Alert | None]
"""Returns the newest transition of a standing alert, by its key."""


def served(
    answers: AnswersTable, alert_of: AlertOf, take: Callable[[Label], object]
) -> dict[tuple[str, str], Handle]:
    """Return what the endpoint does, by method and path. Secrets are read now.

    Raises
    ------
    BadPolicy
        If a secret is not there.
    """
    every = {("GET", handlers.PICTURES): handlers.pictures(Pictures(alert_of).find)}
    if answers.slack_secret is not None:
        every["POST", "/slack"] = handlers.slack(answers.slack_secret.value(), take, _tell)
    if answers.pagerduty_secret is not None:

        def service_of(key: str) -> str | None:
            alert = alert_of(key)
            return None if alert is None else alert.service

        every["POST", "/pagerduty"] = handlers.pagerduty(answers.pagerduty_secret.value(), take, service_of)
    return every


def _tell(url: str, words: bytes) -> None:
    http = Http()
    try:
        http.request("POST", url, words, {"Content-Type": "application/json"})
    except NoReply as error:
        log.info("what a label does could not be told: %s", error)
    finally:
        http.close()


class Pictures:
    """Pictures of standing alerts, by the name that `sinks.notify.naming` gives them; the newest are kept."""

    def __init__(self, alert_of: AlertOf) -> None:
        self._alert_of = alert_of
        self._drawn: OrderedDict[tuple[str, float], bytes] = OrderedDict()
        self._lock = Lock()

    def find(self, name: str) -> bytes | None:
        """Return a PNG; None if there is no such alert, or nothing to draw."""
        key = key_of(name)
        if key is None or (alert := self._alert_of(key)) is None:
            return None
        place = key, alert.time
        with self._lock:
            if (drawn := self._drawn.get(place)) is not None:
                return drawn
        if (drawn := picture.png(alert)) is None:
            return None
        with self._lock:
            self._drawn[place] = drawn
            while len(self._drawn) > _MOST_PICTURES:
                self._drawn.popitem(last=False)
        return drawn
