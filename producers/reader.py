"""Reads files, and counts those that cannot be read: a source that is gone is no error."""

from __future__ import annotations

import errno
from collections import Counter

from producers.files import Files

VANISHED = "vanished"
DENIED = "denied"
UNREADABLE = "unreadable"
MALFORMED = "malformed"
REASONS = (VANISHED, DENIED, UNREADABLE, MALFORMED)

_REASON_OF = {
    errno.ENOENT: VANISHED,
    errno.ESRCH: VANISHED,
    # A cgroup that was removed while its file was open.
    errno.ENODEV: VANISHED,
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
}
_NOT_OFFERED = (errno.ENOENT, errno.EOPNOTSUPP)


class Reader:
    """Reads files during one tick.

    Parameters
    ----------
    files
        What is kept open from tick to tick.

    Attributes
    ----------
    skipped, examples
        Sources left out by reason, and the first of each.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self.skipped: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def read(self, directory: str, name: str, *, optional: bool = False) -> bytes:
        """Read a file; empty, and counted unless it is `optional` and missing, when it cannot be read."""
        try:
            return self._files.read(directory, name)
        except OSError as error:
            if not (optional and error.errno in _NOT_OFFERED):
                self.skip_error(error, f"{directory}/{name}")
            return b""

    def skip_error(self, error: OSError, path: str) -> None:
        """Count a source that could not be read."""
        self.skip(_REASON_OF.get(error.errno or 0, UNREADABLE), path)

    def skip(self, reason: str, path: str) -> None:
        """Count a source that was left out."""
        self.skipped[reason] += 1
        self.examples.setdefault(reason, path)
