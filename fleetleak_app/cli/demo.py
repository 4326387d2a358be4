"""`fleetleak demo`: a real leak on this host, found through a real Kafka within three minutes."""

from __future__ import annotations

import argparse
import json
import shutil
import signal

from fleetleak.kafka.broker import BrokerFailed
from fleetleak.kafka.reach import Unreachable
from fleetleak.kafka.topics import WrongTopics
from fleetleak.settings import Loaded
from fleetleak_app.cli import CommandFailed
from fleetleak_app.cli.extras import needs

HELP = "watch a real leaking process on this host being found, through a real Kafka"
SECTIONS = (
    "kafka.bootstrap_servers", "kafka.topic_prefix", "kafka.group_protocol", "kafka.properties",
    "topics.replication_factor", "log.level",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("--json", action="store_true", help="print the outcome as one line of JSON, last")
    parser.add_argument(
        "--alertmanager", action="store_true", help="start a real Alertmanager, and show the alert there, too"
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    parser.add_argument("--timeout", type=float, default=180.0, metavar="SECONDS", help="default 180")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the demo; return 0 only if the leak was alerted and nothing else was."""
    with needs("demo"):
        from rich.console import Console

        from fleetleak_app.demo.alertmanager import AlertmanagerFailed
        from fleetleak_app.demo.demo import Demo, DemoFailed
    if arguments.alertmanager:
        with needs("notify"):
            import httpx2  # noqa: F401
    console = Console(stderr=arguments.json)
    own_broker = loaded.origin["kafka.bootstrap_servers"] == "default"
    if own_broker and loaded.origin["kafka.properties"] != "flag":
        # The configured properties, such as a login, belong to another cluster.
        loaded.settings.kafka.properties = {}
    demo = Demo(loaded.settings, own_broker, arguments.timeout, console, arguments.alertmanager)
    try:
        with demo.running() as processes:
            outcome = demo.watch(processes)
            _next_steps(console, demo.directory, loaded, outcome.well)
            if arguments.json:
                print(outcome.to_json(), flush=True)
            if arguments.keep:
                console.print("everything is left running; Ctrl-C ends it")
                signal.pause()
    except KeyboardInterrupt:
        shutil.rmtree(demo.directory, ignore_errors=True)
        raise
    except (BrokerFailed, Unreachable, WrongTopics, DemoFailed, AlertmanagerFailed) as error:
        if arguments.json:
            print(json.dumps({"found": False, "error": str(error)}), flush=True)
        if not any(demo.directory.iterdir()):
            demo.directory.rmdir()
        raise CommandFailed(str(error)) from None
    if outcome.well:
        shutil.rmtree(demo.directory, ignore_errors=True)
    return 0 if outcome.well else 1


def _next_steps(console: object, directory: object, loaded: Loaded, well: bool) -> None:
    kafka = loaded.settings.kafka
    say = console.print  # type: ignore[attr-defined]
    if not well:
        say(f"not as it should be; the logs are in {directory}", style="bold red")
        return
    say("found: the leak, and nothing else", style="bold green")
    say("next: README.md (your own Kafka), docs/architecture.md (how it works), docs/settings.md")
    say(
        f"to look into the topics: fleetleak demo --keep, then read {kafka.topic_prefix}.alerts on its broker"
    )
