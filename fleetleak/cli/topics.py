"""`fleetleak topics`: plan, create and verify the topics."""

from __future__ import annotations

import argparse

from fleetleak.cli import CommandFailed
from fleetleak.cli.connect import admin, layout
from fleetleak.kafka import topics
from fleetleak.settings import Loaded

HELP = "plan, create or verify the topics"
SECTIONS = ("kafka", "topics", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument(
        "action", choices=["plan", "create", "verify"],
        help="plan prints the layout and touches nothing; create makes what is missing; verify checks",
    )  # fmt: skip


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Do it."""
    settings = loaded.settings
    wanted = layout(settings)
    if arguments.action == "plan":
        for topic in wanted:
            config = " ".join(f"{k}={v}" for k, v in topic.config.items())
            print(f"{topic.name:<28} partitions={topic.partitions} {config}")
        return 0
    client = admin(settings)
    try:
        if arguments.action == "create":
            made = topics.create(client, wanted, settings.topics.replication_factor)
            print(f"created {', '.join(made)}" if made else "nothing to create: all topics are there")
        wrong = topics.problems(client, wanted)
    except topics.WrongTopics as error:
        raise CommandFailed(f"{settings.kafka.bootstrap_servers}: {error}") from None
    for problem in wrong:
        print(problem)
    if not wrong and arguments.action == "verify":
        print(f"all {len(wanted)} topics fit")
    return 1 if wrong else 0
