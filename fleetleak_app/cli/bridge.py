"""`fleetleak bridge`: takes memory that others have on Kafka to snapshots.

Two kinds of process: those that read a topic of others, and `snapshots`, which puts together what they read.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from fleetleak.kafka.topics import MAIN, foreign
from fleetleak.settings import BadSetting, Loaded, Settings
from fleetleak.stream.spec import RoleSpec
from fleetleak_app import roles
from fleetleak_app.cli.serve import ROLE_SECTIONS, serve_role

_ROLES = {spec.word: spec for spec in roles.run_by("bridge")}

HELP = "; ".join(f"{spec.word}: {spec.help}" for spec in _ROLES.values())
SECTIONS = (*ROLE_SECTIONS, *(section for spec in _ROLES.values() for section in spec.sections))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("bridge", choices=list(_ROLES), help="which bridge to run")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the bridge until it is stopped."""
    if loaded.settings.kafka.track != MAIN:
        # Another group would publish everything once more.
        raise BadSetting("setting kafka.track: all tracks share the snapshots of a bridge; leave it out here")
    return serve_role(loaded.settings, _pointed(_ROLES[arguments.bridge], loaded.settings))


def _refuse_wrong(spec: RoleSpec, topic: str, settings: Settings) -> None:
    if spec.word == "otlp" and settings.bridge.format is not None:
        raise BadSetting(
            "setting bridge.format: `bridge otlp` reads OTLP alone; set the format, and its topic, for"
            " `bridge kafka` only"
        )
    if topic.startswith(("__", f"{settings.kafka.topic_prefix}.")):
        raise BadSetting(f"setting bridge.topic: {topic} is Kafka's or fleetleak's: name one of others")


def _pointed(spec: RoleSpec, settings: Settings) -> RoleSpec:
    """Return the role with the topic of the settings, if it reads one of others.

    Each topic of others has a group of its own: two of them may have different numbers of partitions.
    """
    if not spec.input.foreign:
        return spec
    topic = settings.bridge.topic or spec.input.name
    _refuse_wrong(spec, topic, settings)
    name = "-".join(
        filter(None, [spec.name, settings.bridge.format if spec.word == "kafka" else None, topic])
    )
    return replace(spec, name=name, input=foreign(topic))
