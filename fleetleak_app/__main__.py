"""`fleetleak` and `python -m fleetleak_app`: the command line. Signals can end it at any moment."""

from __future__ import annotations

import contextlib
import os
import sys

from fleetleak import stopping


def main() -> int:
    """Run one command, and return its exit code: 128 + the signal's number if a signal ended it."""
    stopping.at_once()
    from fleetleak_app.cli import main as run

    try:
        return run(ready=stopping.in_order)
    except stopping.Stopped as stopped:
        _flush()
        # Not sys.exit: closing the clients can wait for a cluster that does not answer.
        os._exit(stopped.code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # The reader may have closed the stream.
        with contextlib.suppress(OSError):
            stream.flush()


if __name__ == "__main__":
    sys.exit(main())
