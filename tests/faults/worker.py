"""One worker process: `python -m tests.faults.worker chain`, or the command line of a stateful role.

Settings come from the environment as everywhere; so do FAULT_AT (tests/faults/inject.py) and FAULT_MUTATION.
"""

from __future__ import annotations

import os
import sys

from fleetleak.settings import load
from fleetleak.stream.spec import RoleSpec
from fleetleak_app import cli, roles
from fleetleak_app.cli.serve import serve_role
from tests.faults import chain, inject
from tests.faults.mutations import MUTATIONS


def _spec(words: list[str]) -> RoleSpec:
    known = {tuple(roles.words(spec)): spec for spec in roles.roles()}
    return (known | {("chain",): chain.ROLE})[tuple(words)]


def main(words: list[str]) -> int:
    """Install the mutation and the fault of the environment, then run the role."""
    if mutation := os.environ.get("FAULT_MUTATION"):
        MUTATIONS[mutation]()
    if fault := os.environ.get("FAULT_AT"):
        inject.install(fault)
    try:
        return serve_role(load().settings, _spec(words), inject.WATCHED)
    except cli.CommandFailed as error:
        print(f"fleetleak: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
