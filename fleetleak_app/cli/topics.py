"""`fleetleak topics`: plan, create and verify the topics."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import orjson

from fleetleak.kafka import topics
from fleetleak.kafka.verify import Problem, problems
from fleetleak.settings import Loaded, Settings
from fleetleak_app.cli import CommandFailed
from fleetleak_app.cli.connect import admin, layout
from fleetleak_app.tables import render

HELP = "plan, create or verify the topics"
SECTIONS = ("kafka", "topics", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument(
        "action", choices=["plan", "create", "verify"],
        help="plan prints the layout only; create creates missing topics; verify checks all",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Plan, create or verify the topics; return 1 if a topic does not fit."""
    settings = loaded.settings
    wanted = layout(settings)
    if arguments.action == "plan":
        _plan(wanted, arguments.json)
        return 0
    made: list[str] = []
    try:
        made, wrong = _on_cluster(settings, wanted, create=arguments.action == "create")
    except topics.WrongTopics as error:
        raise CommandFailed(f"{settings.kafka.bootstrap_servers}: {error}") from None
    if arguments.json:
        result = {"created": made, "problems": [problem._asdict() for problem in wrong]}
        print(orjson.dumps(result).decode())
    else:
        _print(arguments.action, len(wanted), made, wrong)
    return 1 if wrong else 0


def _on_cluster(
    settings: Settings, wanted: list[topics.Topic], create: bool
) -> tuple[list[str], list[Problem]]:
    cluster = admin(settings)
    made = (
        topics.create(cluster, wanted, settings.topics.replication_factor, settings.kafka) if create else []
    )
    return made, problems(cluster, wanted, settings.kafka)


def _plan(wanted: Sequence[topics.Topic], as_json: bool) -> None:
    if as_json:
        print(orjson.dumps([topic._asdict() for topic in wanted]).decode())
        return
    rows = [topic._asdict() for topic in wanted]
    print(render(rows, {"name": "topic", "partitions": "partitions", "copies": "replication"}))
    for topic in wanted:
        print(f"\n{topic.name}")
        for key, value in topic.config.items():
            print(f"  {key}={value}")


def _print(action: str, count: int, made: list[str], wrong: list[Problem]) -> None:
    if action == "create":
        print(f"created {', '.join(made)}" if made else "nothing to create: all topics exist")
    for problem in wrong:
        print(problem)
    if not wrong and action == "verify":
        print(f"all {count} topics fit")
