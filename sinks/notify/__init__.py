"""Notify: alerts to people, each target on its own (docs/alerting.md)."""
