"""`fleetleak broker`: the embedded Kafka alone, until it is stopped."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from fleetleak.cli import CommandFailed
from fleetleak.kafka.broker import BrokerFailed, EmbeddedBroker
from fleetleak.settings import Loaded

HELP = "run an embedded real Kafka (for demos and tests; never production)"
SECTIONS = ("broker", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has settings only."""


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run it until SIGTERM or SIGINT."""
    settings = loaded.settings.broker
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    try:
        with EmbeddedBroker(settings.port, settings.directory, settings.heap_mib) as broker:
            print(broker.bootstrap_servers, flush=True)
            while not stop.wait(0.5):
                if not broker.alive():
                    print(f"fleetleak: Kafka ended by itself; see {broker.log_file}", file=sys.stderr)
                    return 1
    except BrokerFailed as error:
        raise CommandFailed(str(error)) from None
    return 0
