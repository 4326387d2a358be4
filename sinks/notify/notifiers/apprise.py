"""More than a hundred further services, through the library Apprise.

Do not use it for a service that has a kind of its own: it changes and resolves no message.
"""

from __future__ import annotations

import logging
from importlib import import_module

from msgspec import Struct

from fleetleak.extras import hint
from fleetleak.stream.target import Answer, Delivered, TryAgain
from sinks.notify import http, words
from sinks.notify.notifier import Notice, Notifier
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret

_MOST_BODY = 30_000
# Apprise and what it sends with log addresses, which contain tokens, at the levels info and debug.
_LOGGERS = ("apprise", "urllib3", "requests")


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The table of a target of the kind `apprise`: the Apprise URL of one service."""

    url: Secret


class Apprise(Notifier):
    """Sends every notice as a message of its own. It cannot tell a refusal from a failure that passes."""

    SETTINGS = Settings
    DEDUPLICATES = False

    def __init__(self, settings: Settings) -> None:
        try:
            library = import_module("apprise")
        except ImportError:
            raise BadPolicy(f"the kind apprise needs the package Apprise: {hint('apprise')}") from None
        self._apprise = library.Apprise()
        # It logs what it cannot read.
        _quieten(logging.CRITICAL + 1)
        added = self._apprise.add(settings.url.value())
        _quieten(logging.WARNING)
        if not added:
            raise BadPolicy("the secret url of the kind apprise is not an Apprise URL")

    def send(self, notice: Notice) -> Answer:
        """Send one message."""
        body = words.cut(words.plain(notice), _MOST_BODY)
        if self._apprise.notify(body=body, title=words.headline(notice), timeout=http.SECONDS):
            return Delivered()
        return TryAgain("the service did not take it; see its log line")


def _quieten(below: int) -> None:
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(below)


NOTIFIER = Apprise
