"""Reads files, and counts what cannot be read or used: a source that is gone is not an error."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable
from functools import partial

from producers.host import procfs
from producers.host.files import Files
from producers.names import readable

VANISHED = "vanished"
DENIED = "denied"
UNREADABLE = "unreadable"
MALFORMED = "malformed"
IMPOSSIBLE = "impossible"
REASONS = (VANISHED, DENIED, UNREADABLE, MALFORMED, IMPOSSIBLE)

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
        Keeps files open from tick to tick.

    Attributes
    ----------
    skipped, examples
        How many sources and values were left out for each reason, and the first of them.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self.skipped: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def read(self, directory: str, name: str, *, optional: bool = False) -> bytes:
        """Return the bytes of a file; empty when it cannot be read.

        A file that cannot be read is counted, unless it is `optional` and missing. A file that is too long is
        cut, and counted.
        """
        try:
            data = self._files.read(directory, name)
        except OSError as error:
            if not (optional and error.errno in _NOT_OFFERED):
                self.skip_error(error, f"{directory}/{name}")
            return b""
        if len(data) > procfs.LONGEST_FILE:
            self.skip(MALFORMED, f"{directory}/{name}")
            return procfs.cut(data)
        return data

    def bad(self, directory: str, name: str) -> Callable[[], None]:
        """Return the function that counts one bad value or line of a file."""
        return partial(self._malformed, directory, name)

    def _malformed(self, directory: str, name: str) -> None:
        self.skip(MALFORMED, f"{directory}/{name}")

    def skip_error(self, error: OSError, path: str) -> None:
        """Count a source that could not be read."""
        self.skip(_REASON_OF.get(error.errno or 0, UNREADABLE), path)

    def skip(self, reason: str, path: str) -> None:
        """Count a source or a value that is left out."""
        self.skipped[reason] += 1
        if reason not in self.examples:
            self.examples[reason] = readable(path)
