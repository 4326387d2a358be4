"""`fleetleak processor`: scores snapshots and learns from them."""

from __future__ import annotations

import argparse

from fleetleak.settings import Loaded
from fleetleak.stream import Topics
from fleetleak_app.cli.connect import names
from fleetleak_app.cli.extras import needs
from fleetleak_app.cli.serve import serve_runtime

HELP = "score snapshots and learn; start more of them and partitions move"
SECTIONS = ("kafka", "topics", "runtime", "processor", "http", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has settings only."""


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run until stopped."""
    with needs("processor"):
        from processors.scoring import Scoring
    settings = loaded.settings
    role = Scoring(settings, names(settings).scores)
    topics = names(settings)
    return serve_runtime(
        settings, role, Topics(topics.snapshots, topics.feedback, topics.models, topics.dead_letter)
    )
