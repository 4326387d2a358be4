"""`fleetleak`, and `python -m fleetleak`: the command line, which signals end from its first moment on."""

from __future__ import annotations

import contextlib
import os
import sys

from fleetleak import stopping


def main() -> int:
    """Run one command; give its exit code, 128 and the signal's number where one ended it."""
    stopping.at_once()
    from fleetleak_app.cli import main as run

    try:
        return run(ready=stopping.in_order)
    except stopping.Stopped as stopped:
        _flush()
        # Not sys.exit: taking clients apart can wait for a cluster that does not answer.
        os._exit(stopped.code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Whoever read it may be gone.
        with contextlib.suppress(OSError):
            stream.flush()


if __name__ == "__main__":
    sys.exit(main())
