"""Telling targets of alerts, each notifier, and what people answer."""
