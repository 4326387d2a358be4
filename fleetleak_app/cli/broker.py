"""`fleetleak broker`: runs the embedded Kafka until it is stopped."""

from __future__ import annotations

import argparse
import sys
import time

from fleetleak.kafka.broker import BrokerFailed, EmbeddedBroker
from fleetleak.settings import Loaded
from fleetleak.stopping import Stopped, raise_if_asked
from fleetleak_app.cli import CommandFailed

HELP = "run an embedded real Kafka (for demos and tests; never production)"
SECTIONS = ("broker", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments: this command has only settings."""


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run Kafka until SIGTERM or SIGINT."""
    settings = loaded.settings.broker
    try:
        with EmbeddedBroker(settings.port, settings.directory, settings.heap_mib) as broker:
            raise_if_asked()
            _print_address(broker)
            while broker.alive():
                time.sleep(0.5)
            print(f"fleetleak: Kafka ended by itself; see {broker.log_file}", file=sys.stderr)
            return 1
    except Stopped:
        return 0
    except BrokerFailed as error:
        raise CommandFailed(str(error)) from None


def _print_address(broker: EmbeddedBroker) -> None:
    """Print only the address on stdout, for scripts, and how to use it on stderr."""
    print(broker.bootstrap_servers, flush=True)
    use = f"export FLEETLEAK_KAFKA_BOOTSTRAP_SERVERS={broker.bootstrap_servers}"
    print(f"Kafka runs until Ctrl-C; to use it: {use}", file=sys.stderr)
