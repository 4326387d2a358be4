"""Each notice as one line on stdout, for containers whose logs are collected.

Do not use it to wake people: nobody acknowledges a line, and a repetition is a second line.
"""

from __future__ import annotations

import sys
import threading
from typing import Literal

from msgspec import Struct

from fleetleak.stream.target import Answer, Delivered, TryAgain
from sinks.notify import words
from sinks.notify.body import body
from sinks.notify.notifier import Notice, Notifier

_lock = threading.Lock()


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The fields of a target of kind `stdout`.

    Parameters
    ----------
    format
        `json` for the same object that a webhook gets, `text` for people.
    """

    format: Literal["json", "text"] = "json"


class Stdout(Notifier):
    """Writes lines."""

    SETTINGS = Settings
    DEDUPLICATES = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, notice: Notice) -> Answer:
        """Write one line."""
        line = _text(notice) if self._settings.format == "text" else body(notice).decode()
        try:
            with _lock:
                print(line, flush=True, file=sys.stdout)
        except (OSError, ValueError) as error:
            return TryAgain(f"stdout cannot be written: {error}")
        return Delivered()


def _text(notice: Notice) -> str:
    facts = "; ".join(f"{name}: {text}" for name, text in notice.facts)
    line = f"{notice.state} {notice.severity}: {words.headline(notice)} [{facts}]"
    # A name may have a newline in it, or what a terminal takes for a command.
    return "".join(sign if sign.isprintable() else " " for sign in line)


NOTIFIER = Stdout
