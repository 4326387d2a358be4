"""Which keys of a partition changed since their checkpoint, and which of them are due for one."""

from __future__ import annotations

import sys
from collections.abc import Iterable


class DirtyKeys:
    """Keys that changed since their checkpoint, oldest change first.

    Checkpoints are spread evenly: after every commit a share of the dirty keys is written, so that each key
    is written about once per interval and no commit carries them all. The oldest go first, because they
    hold `replay_from` back.
    """

    def __init__(self) -> None:
        self._first_offset: dict[bytes, int] = {}
        self._quota = 0.0

    def __len__(self) -> int:
        return len(self._first_offset)

    def touch(self, name: bytes, offset: int) -> None:
        """Note that the record at this offset changed a key."""
        self._first_offset.setdefault(name, offset)

    def touch_all(self, changes: Iterable[tuple[bytes | None, int]]) -> None:
        """Note which keys the records at these offsets changed."""
        note = self._first_offset.setdefault
        for name, offset in changes:
            note(name or b"", offset)

    def clean(self, name: bytes) -> None:
        """Note that a key was checkpointed."""
        self._first_offset.pop(name, None)

    def due(self, share: float, most: int = sys.maxsize) -> list[bytes]:
        """Return the oldest keys: on average `share` of all of them a call, and at most `most` at once."""
        self._quota = min(self._quota + share * len(self._first_offset), float(len(self._first_offset)))
        count = min(int(self._quota), most)
        self._quota -= count
        keys = iter(self._first_offset)
        return [next(keys) for _ in range(count)]

    def all(self) -> list[bytes]:
        """Return every dirty key, oldest change first."""
        return list(self._first_offset)

    def replay_from(self, position: int) -> int:
        """Return the smallest offset that no checkpoint includes, or `position` if all are included."""
        return next(iter(self._first_offset.values()), position)
