"""`fleetleak producer`: measures this host, or polls a Prometheus, and publishes the snapshots."""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fleetleak.kafka import client, topics
from fleetleak.observe import metrics
from fleetleak.settings import BadSetting, Loaded, Settings
from fleetleak.settings.load import did_you_mean
from fleetleak_app.cli.extras import needs
from fleetleak_app.cli.serve import serve

if TYPE_CHECKING:
    from producers.host.agent import Agent
    from producers.host.context import Context
    from producers.prometheus.poller import Poller
    from producers.publisher import Publisher

HELP = "measure this host's memory and publish it, or that of a fleet from a Prometheus"
SECTIONS = ("kafka", "producer", "prometheus", "http", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument(
        "source", nargs="?", default="host", choices=[*_SOURCES], help="what to measure; default host"
    )


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run until it is stopped. It waits for a broker that does not answer."""
    # Imported here: the other commands do not need them.
    from producers.buffer import Buffer
    from producers.publisher import Publisher

    settings = loaded.settings
    ours = settings.producer
    publisher = Publisher(
        client.common(settings.kafka),
        topics.names(settings.kafka.topic_prefix).snapshots,
        Buffer(ours.buffer_records, ours.buffer_bytes),
        metrics,
        kafka=settings.kafka,
        interval_seconds=ours.interval_seconds,
    )
    source = _SOURCES[arguments.source](settings, publisher)
    pulse = source.pulse
    return serve(settings, "producer", source.run, pulse.ready, pulse.healthy, families=["producer"])


def _host(settings: Settings, publisher: Publisher) -> Agent:
    from producers.host.agent import build
    from producers.host.collectors import COLLECTORS, UnknownCollector

    ours = settings.producer
    try:
        return build(_context(settings), publisher, ours.interval_seconds, collectors=ours.collectors)
    except UnknownCollector as error:
        hint = did_you_mean(error.name, list(COLLECTORS))
        raise BadSetting(f"setting producer.collectors: {error}{hint}") from None
    except ValueError as error:
        raise BadSetting(f"setting producer: {error}") from None


def _prometheus(settings: Settings, publisher: Publisher) -> Poller:
    with needs("prometheus"):
        from producers.prometheus.api import Api
        from producers.prometheus.poller import Poller
    from producers.prometheus.discover import chosen
    from producers.prometheus.matchers import parse

    ours = settings.prometheus
    presets, matchers = chosen(ours.presets), parse(ours.match)
    return Poller(
        Api(ours),
        publisher,
        settings.producer.interval_seconds,
        ours.lag_seconds,
        presets,
        matchers,
        time,
        ours.timeout_seconds,
    )


_SOURCES: dict[str, Callable[[Settings, Publisher], Agent | Poller]] = {
    "host": _host,
    "prometheus": _prometheus,
}
"""What can be measured: one line each."""


def _context(settings: Settings) -> Context:
    from producers.host.context import Context

    ours = settings.producer
    return Context(
        procfs=Path(ours.procfs),
        cgroupfs=Path(ours.cgroupfs),
        host=ours.host or socket.gethostname(),
        environment=ours.environment,
        top_processes=ours.top_processes,
        match=ours.match,
        rules=ours.rules,
    )
