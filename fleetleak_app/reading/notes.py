"""Messages about reading a file: notes, what was left out and why, and the error that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_MOST_LINES = 10
_MOST_NAMED = 20


class BadRecording(ValueError):
    """A file that cannot be read; the message is one line: where, what, and which option helps."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def printable(text: str) -> str:
    """Return a text as one line that is safe for a terminal: it may contain names and values of any file."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


@dataclass
class Left:
    """How many rows or values were left out for one reason, and the place of the first one."""

    count: int
    first: str


@dataclass
class Notes:
    """Notes for people, in order, each once; and what was left out, by reason.

    Parameters
    ----------
    every
        The notes, as the keys of a dict.
    left
        What was left out, by reason.
    """

    every: dict[str, None] = field(default_factory=dict)
    left: dict[str, Left] = field(default_factory=dict)

    def note(self, line: str) -> None:
        """Add a note; the same note again is ignored."""
        self.every[printable(line)] = None

    def leave(self, reason: str, count: int, first: str) -> None:
        """Count rows or values that are left out; `first` is the place of the first one."""
        self.left.setdefault(reason, Left(0, printable(first))).count += count

    def lines(self) -> list[str]:
        """Return the notes, in at most ten lines."""
        lines = list(self.every)
        if len(lines) <= _MOST_LINES:
            return lines
        return [*lines[: _MOST_LINES - 1], f"and {len(lines) - _MOST_LINES + 1} more notes"]

    def reasons(self) -> str:
        """Return what was left out as one line, the largest count first.

        Examples
        --------
        >>> notes = Notes()
        >>> notes.leave("rows without a time", 2, "a.csv row 3, column timestamp")
        >>> notes.reasons()
        'rows without a time: 2 (first: a.csv row 3, column timestamp)'
        """
        most_first = sorted(self.left.items(), key=lambda item: -item[1].count)
        return "; ".join(f"{reason}: {left.count:,} (first: {left.first})" for reason, left in most_first)


def listed(names: Sequence[str]) -> str:
    """Return names as one text; of many names, the first ones.

    Examples
    --------
    >>> listed(["a", "b"])
    'a, b'
    """
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def shortened(value: object) -> str:
    """Return a value as text for a message, at most 60 characters long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
