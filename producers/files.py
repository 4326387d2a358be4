"""Files of procfs and cgroupfs that are read at every tick, kept open in between."""

from __future__ import annotations

import os
import resource

from producers.procfs import contents

MOST_DESCRIPTORS = 65536


class Files:
    """Reads whole files by path; opening them is most of the cost, so those read last time stay open.

    A descriptor stays with the process or cgroup it was opened for: once that is gone the kernel fails the
    read, and the path is opened anew. When not to use it: for ordinary files that are replaced, since an
    open descriptor goes on showing the old one.

    Parameters
    ----------
    limit
        Descriptors kept at most; further files are opened and closed each time.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def __len__(self) -> int:
        """Give the number of files kept open."""
        return len(self._held) + len(self._before)

    def read(self, path: str) -> bytes:
        """Read a whole file.

        Raises
        ------
        OSError
            If it is gone or may not be read.
        """
        descriptor = self._held.get(path)
        if descriptor is None:
            descriptor = self._before.pop(path, None)
            if descriptor is None:
                return self._read_new(path)
            self._held[path] = descriptor
        try:
            return contents(descriptor)
        except OSError:
            os.close(self._held.pop(path))
            return self._read_new(path)

    def _read_new(self, path: str) -> bytes:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            data = contents(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        if len(self) < self._limit:
            self._held[path] = descriptor
        else:
            os.close(descriptor)
        return data

    def turn(self) -> None:
        """Begin a new tick: close what the last one did not read."""
        for descriptor in self._before.values():
            os.close(descriptor)
        self._before, self._held = self._held, {}

    def close(self) -> None:
        """Close everything."""
        self.turn()
        self.turn()


def descriptors() -> int:
    """Raise the soft limit on open files as far as allowed; give how many `Files` may use, half of it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft // 2
