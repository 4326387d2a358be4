"""A notice as text, within the lengths that targets take."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime

from fleetleak.records import Alert
from sinks.notify.notifier import Notice

_SHOWN_SERVICES = 20


def cut(pieces: Iterable[str], most: int) -> str:
    """Return a text of at most `most` UTF-16 units; an ellipsis stands for what is cut off.

    No target says how it counts characters. UTF-16 units are the safe way: an emoji has two.

    Parameters
    ----------
    pieces
        A text, or its pieces where some must not be cut through.

    Examples
    --------
    >>> cut("cart leaks", 10), cut("cart leaks", 8), cut(["a", "&lt;", "b"], 4)
    ('cart leaks', 'cart le…', 'a…')
    """
    pieces = list(pieces)
    whole = "".join(pieces)
    if _units(whole) <= most:
        return whole
    kept, left = [], most - 1
    for piece in pieces:
        left -= _units(piece)
        if left < 0:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def one_line(text: str) -> str:
    """Return a text with a space for every stretch of white space.

    Examples
    --------
    >>> one_line("cart leaks\\r\\nBcc: all")
    'cart leaks Bcc: all'
    """
    return " ".join(text.split())


def headline(notice: Notice) -> str:
    """Return the title on one line; a test says that it is one."""
    return one_line(f"TEST, no action needed: {notice.title}" if notice.test else notice.title)


def storm(notice: Notice) -> str | None:
    """Return which services a storm has, on one line; None for one alert."""
    if not notice.services:
        return None
    shown = [one_line(service) for service in notice.services[:_SHOWN_SERVICES]]
    more = len(notice.services) - len(shown)
    names = ", ".join(shown) + (f" and {more} more" if more else "")
    return f"{len(notice.services)} services with one cause: {names}"


def explain(alert: Alert) -> str:
    """Return the command that explains an alert: it makes the decision again from recorded scores."""
    # Rounded up: a second before, the decision was not made yet.
    at = f"{datetime.fromtimestamp(math.ceil(alert.time), UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"fleetleak explain {shlex.quote(one_line(alert.service))} --at {at}"


def plain(notice: Notice) -> str:
    """Return the whole notice as plain text, with one fact a line."""
    lines = [headline(notice), "", f"state: {notice.state}, severity: {notice.severity}"]
    services = storm(notice)
    if services:
        lines.append(f"storm: {services}")
    lines += [f"{one_line(name)}: {one_line(text)}" for name, text in notice.facts]
    if notice.picture_url:
        lines.append(f"picture: {notice.picture_url}")
    return "\n".join([*lines, ""])
