"""`fleetleak processor`: scores snapshots and learns from them."""

from __future__ import annotations

import argparse

from fleetleak.cli import CommandFailed
from fleetleak.cli.connect import checked_topics
from fleetleak.cli.serve import serve_runtime
from fleetleak.kafka.runtime import Topics
from fleetleak.settings import Loaded

HELP = "score snapshots and learn; start more of them and partitions move"
SECTIONS = ("kafka", "topics", "runtime", "processor", "http", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has settings only."""


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run until stopped."""
    try:
        from processors.scoring import Scoring
    except ImportError as error:
        raise CommandFailed(
            f"the processor needs its extra: pip install 'fleetleak[processor]' ({error})"
        ) from None
    settings = loaded.settings
    role = Scoring.from_settings(settings)
    names = checked_topics(settings)
    return serve_runtime(
        settings, role, Topics(names.snapshots, names.feedback, names.models, names.dead_letter)
    )
