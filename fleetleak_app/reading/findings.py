"""What is said of a reading: notes, what was left out and why, and the error that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_MOST_LINES = 10
_MOST_NAMED = 20


class BadRecording(ValueError):
    """A file that cannot be read; the message is one line that says where, what and which option helps."""

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


def _one_line(message: str) -> str:
    """Give a message as a terminal can show it: names and values in it are anybody's."""
    return message if message.isprintable() else "".join(c if c.isprintable() else " " for c in message)


@dataclass
class Left:
    """How many rows or values were left out for one reason, and where the first of them stands."""

    count: int
    first: str


@dataclass
class Findings:
    """Notes for people, in order and each once; what was left out, by reason."""

    notes: dict[str, None] = field(default_factory=dict)
    left: dict[str, Left] = field(default_factory=dict)

    def note(self, line: str) -> None:
        """Say a line once."""
        self.notes[_one_line(line)] = None

    def leave(self, reason: str, count: int, first: str) -> None:
        """Count what is left out; `first` is the place of the first."""
        self.left.setdefault(reason, Left(0, _one_line(first))).count += count

    def lines(self) -> list[str]:
        """Give the notes, at most ten lines of them."""
        said = list(self.notes)
        if len(said) <= _MOST_LINES:
            return said
        return [*said[: _MOST_LINES - 1], f"and {len(said) - _MOST_LINES + 1} more notes"]

    def reasons(self) -> str:
        """Give what was left out as one text, most first.

        Examples
        --------
        >>> findings = Findings()
        >>> findings.leave("rows without a time", 2, "a.csv row 3, column timestamp")
        >>> findings.reasons()
        'rows without a time: 2 (first: a.csv row 3, column timestamp)'
        """
        most_first = sorted(self.left.items(), key=lambda item: -item[1].count)
        return "; ".join(f"{reason}: {found.count:,} (first: {found.first})" for reason, found in most_first)


def listed(names: Sequence[str]) -> str:
    """Give names as one text; of many, the first.

    Examples
    --------
    >>> listed(["a", "b"])
    'a, b'
    """
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def shortened(value: object) -> str:
    """Give a value as it can stand in a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
