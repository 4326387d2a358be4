"""`fleetleak sink`: turns scores into alerts or drift events."""

from __future__ import annotations

import argparse

from fleetleak.settings import Loaded
from fleetleak.stream import Topics
from fleetleak_app.cli.connect import names
from fleetleak_app.cli.serve import serve_runtime

HELP = "turn scores into alerts (alerting) or drift events (drift)"
SECTIONS = ("kafka", "topics", "runtime", "alerting", "http", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("sink", choices=["alerting", "drift"], help="which sink to run")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run until stopped."""
    settings = loaded.settings
    topics = names(settings)
    if arguments.sink == "drift":
        from sinks.drift import DriftSink

        return serve_runtime(
            settings, DriftSink(topics.drift), Topics(topics.scores, None, None, topics.dead_letter)
        )
    from sinks.alerting.role import Alerting

    role = Alerting(settings.alerting, topics.alerts, topics.silent_alerts, settings.kafka.track)
    return serve_runtime(
        settings, role, Topics(topics.scores, topics.feedback, topics.alert_state, topics.dead_letter)
    )
