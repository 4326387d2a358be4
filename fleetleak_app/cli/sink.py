"""`fleetleak sink`: turns scores into alerts or drift events, or takes alerts to people.

It also runs other roles and deliveries of this kind.
"""

from __future__ import annotations

import argparse

from fleetleak.settings import Loaded
from fleetleak.stream.spec import Spec
from fleetleak_app import roles
from fleetleak_app.cli.serve import ROLE_SECTIONS, serve_delivery, serve_role

_ROLES = {spec.name: spec for spec in roles.run_by("sink")}
_DELIVERIES = {spec.name: spec for spec in roles.deliveries() if spec.command == "sink"}
_ALL: list[Spec] = [*_ROLES.values(), *_DELIVERIES.values()]

HELP = "; ".join(f"{spec.name}: {spec.help}" for spec in _ALL)
SECTIONS = (*ROLE_SECTIONS, *(section for spec in _ALL for section in spec.sections))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("sink", choices=[*_ROLES, *_DELIVERIES], help="which sink to run")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the sink until it is stopped."""
    if arguments.sink in _DELIVERIES:
        return serve_delivery(loaded.settings, _DELIVERIES[arguments.sink])
    return serve_role(loaded.settings, _ROLES[arguments.sink])
