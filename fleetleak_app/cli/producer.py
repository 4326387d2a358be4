"""`fleetleak producer`: the agent on each host."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from fleetleak.kafka import client, topics
from fleetleak.observe import metrics
from fleetleak.settings import BadSetting, Loaded, Settings
from fleetleak.settings.load import did_you_mean
from fleetleak_app.cli.serve import serve

if TYPE_CHECKING:
    from producers.host.context import Context

HELP = "measure this host's memory and publish it"
SECTIONS = ("kafka", "producer", "http", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: this command has settings only."""


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the agent until it is stopped. It waits for a broker that does not answer."""
    # Imported here: the other commands do not need the agent.
    from producers.buffer import Buffer
    from producers.host.agent import build
    from producers.host.collectors import COLLECTORS, UnknownCollector
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
    try:
        agent = build(_context(settings), publisher, ours.interval_seconds, collectors=ours.collectors)
    except UnknownCollector as error:
        hint = did_you_mean(error.name, list(COLLECTORS))
        raise BadSetting(f"setting producer.collectors: {error}{hint}") from None
    except ValueError as error:
        raise BadSetting(f"setting producer: {error}") from None
    pulse = agent.pulse
    return serve(settings, "producer", agent.run, pulse.ready, pulse.healthy, families=["producer"])


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
