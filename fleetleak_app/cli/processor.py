"""`fleetleak processor`: scores snapshots and learns from them. It also runs other roles of this kind."""

from __future__ import annotations

import argparse

from fleetleak.settings import Loaded
from fleetleak_app import roles
from fleetleak_app.cli.serve import ROLE_SECTIONS, serve_role

_ROLES = {spec.name: spec for spec in roles.run_by("processor")}
_DEFAULT = "processor"

HELP = "score snapshots and learn; several processors share the partitions"
SECTIONS = (*ROLE_SECTIONS, *(section for spec in _ROLES.values() for section in spec.sections))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    roles_help = "; ".join(f"{name}: {spec.help}" for name, spec in _ROLES.items())
    parser.add_argument("role", nargs="?", choices=list(_ROLES), default=_DEFAULT, help=roles_help)


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the role until it is stopped."""
    return serve_role(loaded.settings, _ROLES[arguments.role])
