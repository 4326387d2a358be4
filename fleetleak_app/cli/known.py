"""Checking that a service or an alert exists before a command writes a record about it."""

from __future__ import annotations

import time

from fleetleak.kafka.scan import ScanFailed, scan
from fleetleak.records import Alert
from fleetleak.settings import Settings
from fleetleak.stream.stored import stored
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.alerts import latest
from fleetleak_app.cli.connect import checked_topics

_RECENT_SECONDS = 1800.0


def refuse_unknown(settings: Settings, service: str, alert: str | None = None) -> None:
    """Refuse a service or alert that does not exist: its name is probably misspelt.

    Raises
    ------
    CommandFailed
        If there are no alerts, recent scores or state of this service, or if it never had this alert.
    """
    alerts = [one for one in latest(settings) if one.service == service]
    if alert is not None:
        return _refuse_unknown_alert(alerts, service, alert)
    try:
        known = bool(alerts) or _scored(settings, service) or _stored(settings, service)
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    if not known:
        raise CommandFailed(f"there is no service {service}: `fleetleak watched` lists them")


def _refuse_unknown_alert(alerts: list[Alert], service: str, key: str) -> None:
    if key in {alert.key for alert in alerts}:
        return
    newest = f"; its newest is {alerts[-1].key}" if alerts else ""
    raise CommandFailed(f"{service} has no alert {key}{newest}")


def _scored(settings: Settings, service: str) -> bool:
    """Return whether there is a recent score; in its first minutes a service has no stored state."""
    topic, key = checked_topics(settings).scores, service.encode()
    recent = scan(settings.kafka, topic, settings.topics.partitions, time.time() - _RECENT_SECONDS)
    return any(message.key() == key for message in recent)


def _stored(settings: Settings, service: str) -> bool:
    topic = checked_topics(settings).models
    return any(state.name == service for state in stored(settings, topic, say))
