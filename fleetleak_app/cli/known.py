"""Checking that a service or an alert exists before a command writes a record about it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fleetleak.kafka.scan import ScanFailed, scan
from fleetleak.records import Alert
from fleetleak.settings import Settings
from fleetleak.stream.stored import stored
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.alerts import latest
from fleetleak_app.cli.connect import checked_topics

_RECENT_SECONDS = 1800.0


def alert_or_service(settings: Settings, name: str) -> tuple[str, Alert | None]:
    """Return the service of a name, and its alert: that with this key, else the one that fires now.

    Raises
    ------
    CommandFailed
        If neither an alert nor a service with this name exists.
    """
    alerts = latest(settings)
    if (named := next((alert for alert in alerts if alert.key == name), None)) is not None:
        return named.service, named
    if not _known(settings, name, alerts):
        raise CommandFailed(
            f"there is no service {name}, and no alert with this key:"
            " `fleetleak watched` and `fleetleak alerts --all` list them"
        )
    firing = (alert for alert in alerts if alert.service == name and alert.state != "resolved")
    return name, next(firing, None)


def refuse_unknown(settings: Settings, service: str) -> None:
    """Refuse a service that does not exist: its name is probably misspelt.

    Raises
    ------
    CommandFailed
        If there are no alerts, recent scores or state of this service.
    """
    if not _known(settings, service, latest(settings)):
        raise CommandFailed(f"there is no service {service}: `fleetleak watched` lists them")


def _known(settings: Settings, service: str, alerts: Sequence[Alert]) -> bool:
    try:
        return (
            any(alert.service == service for alert in alerts)
            or _scored(settings, service)
            or _stored(settings, service)
        )
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None


def _scored(settings: Settings, service: str) -> bool:
    """Return whether there is a recent score; in its first minutes a service has no stored state."""
    topic, key = checked_topics(settings).scores, service.encode()
    recent = scan(settings.kafka, topic, settings.topics.partitions, time.time() - _RECENT_SECONDS)
    return any(message.key() == key for message in recent)


def _stored(settings: Settings, service: str) -> bool:
    topic = checked_topics(settings).models
    return any(state.name == service for state in stored(settings, topic, say))
