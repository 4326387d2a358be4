"""`fleetleak sink`: turns scores into alerts or drift events. It also runs other roles of this kind."""

from __future__ import annotations

import argparse

from fleetleak.settings import Loaded
from fleetleak_app import roles
from fleetleak_app.cli.serve import ROLE_SECTIONS, serve_role

_ROLES = {spec.name: spec for spec in roles.run_by("sink")}

HELP = "; ".join(f"{name}: {spec.help}" for name, spec in _ROLES.items())
SECTIONS = (*ROLE_SECTIONS, *(section for spec in _ROLES.values() for section in spec.sections))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("sink", choices=list(_ROLES), help="which sink to run")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the sink until it is stopped."""
    return serve_role(loaded.settings, _ROLES[arguments.sink])
