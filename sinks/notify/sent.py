"""What a target was told of each alert, as it is stored on the topic `sent`."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from msgspec import Struct

from fleetleak.records import Alert, Decoder, Unreadable, encode
from fleetleak.records.alert import AlertState
from fleetleak.records.types import AlertKey, Name, UnixSeconds

log = logging.getLogger(__name__)

_SEPARATOR = "\0"
_KEPT_SECONDS = 7 * 86400.0
Stored = tuple[tuple[bytes, bytes | None], ...]


class Sent(Struct, tag_field="schema", tag="sent/1", kw_only=True, omit_defaults=True, frozen=True):
    """The newest transition of one alert that one target was told of; topic `sent`.

    Parameters
    ----------
    key, state, time
        Those of the transition.
    ref
        What the target calls the notice (`Delivered.ref`).
    storm
        The key of the storm that it was told as a part of, if any.
    alert
        The transition itself while the alert is not resolved.
    """

    target: Name
    key: AlertKey
    state: AlertState
    time: UnixSeconds
    ref: str | None = None
    storm: Name | None = None
    alert: Alert | None = None

    def includes(self, alert: Alert) -> bool:
        """Return whether it is of this transition or a newer one."""
        return alert.time <= self.time


def sent(target: str, alert: Alert, ref: str | None, storm: str | None = None) -> Sent:
    """Return what to store after a target was told of a transition."""
    return Sent(
        target=target, key=alert.key, state=alert.state, time=alert.time, ref=ref, storm=storm,
        alert=None if alert.state == "resolved" else alert,
    )  # fmt: skip


class Book:
    """What one target was told of the alerts of one partition.

    The caller keeps two threads from using it at once. A partition that comes back gets a new one.

    Parameters
    ----------
    stored
        The partition of the topic `sent`, with the records of all targets.
    """

    def __init__(self, target: str, stored: dict[bytes, bytes]) -> None:
        self._target = target
        self._entries = {entry.key: entry for entry in _read(target, stored)}
        newest = max((entry.time for entry in self._entries.values()), default=0.0)
        # They are deleted with the next record that is stored.
        self._expired = [
            key
            for key, entry in self._entries.items()
            if entry.state == "resolved" and entry.time < newest - _KEPT_SECONDS
        ]
        for key in self._expired:
            del self._entries[key]

    def get(self, key: str) -> Sent | None:
        """Return what the target was told of an alert."""
        return self._entries.get(key)

    def entries(self) -> list[Sent]:
        """Return what the target was told of each alert."""
        return list(self._entries.values())

    def note(self, entry: Sent) -> Stored:
        """Note what the target was told just now; return what to store."""
        self._entries[entry.key] = entry
        expired, self._expired = [key for key in self._expired if key != entry.key], []
        deleted = [(_record_key(self._target, key), None) for key in expired]
        return (*deleted, (_record_key(self._target, entry.key), encode(entry)))


def _record_key(target: str, key: str) -> bytes:
    return f"{target}{_SEPARATOR}{key}".encode()


def _read(target: str, stored: dict[bytes, bytes]) -> Iterator[Sent]:
    decode = Decoder(Sent).decode
    own = _record_key(target, "")
    for key, value in stored.items():
        if not key.startswith(own):
            continue
        try:
            yield decode(value)
        except Unreadable as error:
            log.warning("%s: a record on the topic `sent` is not used: %s", target, error)
