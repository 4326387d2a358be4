"""Extras: what a command imports only when asked for, and may not be installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fleetleak.extras import hint
from fleetleak_app.cli import CommandFailed

_OURS = {"fleetleak", "fleetleak_app", "producers", "processors", "sinks"}


@contextlib.contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import inside this block what an extra brings; a fault of our own modules stays what it is.

    Raises
    ------
    CommandFailed
        With what to install.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        raise CommandFailed(f"this command needs more: {hint(extra)}: {error}") from None
