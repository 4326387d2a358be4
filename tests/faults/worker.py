"""One worker process: `python -m tests.faults.worker chain`, or any command line of `fleetleak`.

Settings come from the environment as everywhere; so do FAULT_AT (tests/faults/inject.py) and FAULT_MUTATION.
"""

from __future__ import annotations

import os
import sys

from fleetleak.settings import load
from fleetleak.stream import Topics
from fleetleak_app import cli
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.cli.serve import serve_runtime
from tests.faults import inject
from tests.faults.chain import Chain
from tests.faults.mutations import MUTATIONS


def _chain() -> int:
    settings = load().settings
    names = checked_topics(settings)
    topics = Topics(names.snapshots, names.feedback, names.models, names.dead_letter)
    try:
        return serve_runtime(settings, Chain(names.scores, names.drift), topics)
    except cli.CommandFailed as error:
        print(f"fleetleak: {error}", file=sys.stderr)
        return 1


def main(words: list[str]) -> int:
    """Install what the environment asks for, then be that role."""
    inject.watch()
    if mutation := os.environ.get("FAULT_MUTATION"):
        MUTATIONS[mutation]()
    if fault := os.environ.get("FAULT_AT"):
        inject.install(fault)
    return _chain() if words == ["chain"] else cli.main(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
