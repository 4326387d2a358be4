"""Extras: optional packages that a command imports only when it needs them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fleetleak.extras import hint
from fleetleak_app.cli import CommandFailed

_OWN = {"fleetleak", "fleetleak_app", "producers", "processors", "sinks"}


@contextlib.contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import the packages of an extra inside this block; errors of our own packages pass through.

    Raises
    ------
    CommandFailed
        With the extra to install.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] in _OWN:
            raise
        raise CommandFailed(f"this command needs more: {hint(extra)}: {error}") from None
