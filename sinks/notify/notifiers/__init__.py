"""The notifiers, one line each. `kind` of a target in the policy file names one."""

from __future__ import annotations

NOTIFIERS: dict[str, str] = {
    "alertmanager": "sinks.notify.notifiers.alertmanager",
    "apprise": "sinks.notify.notifiers.apprise",
    "email": "sinks.notify.notifiers.email",
    "pagerduty": "sinks.notify.notifiers.pagerduty",
    "slack": "sinks.notify.notifiers.slack",
    "stdout": "sinks.notify.notifiers.stdout",
    "webhook": "sinks.notify.notifiers.webhook",
}
"""The module of each notifier; it defines `NOTIFIER`, a subclass of `sinks.notify.notifier.Notifier`."""
