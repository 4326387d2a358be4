"""Keeps the files of procfs and cgroupfs that are read at every tick open in between."""

from __future__ import annotations

import os
import resource

from producers.host.procfs import CHUNK, SHORT, contents, the_rest

MOST_DESCRIPTORS = 65536


class Files:
    """Reads whole files. Opening is most of the cost, so the files of the last tick stay open.

    A descriptor belongs to the process or cgroup that it was opened for. Once that is gone, the kernel fails
    the read, and the file is opened again. When not to use it: for ordinary files that are replaced, since an
    open descriptor still shows the old file.

    Parameters
    ----------
    limit
        The most descriptors kept; further files are opened and closed at each read.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = 0
        self._held: dict[str, dict[str, int]] = {}
        self._before: dict[str, dict[str, int]] = {}

    def __len__(self) -> int:
        """Return the number of files kept open."""
        return self._open

    def read(self, directory: str, name: str) -> bytes:
        """Read a whole file.

        Raises
        ------
        OSError
            If it is gone or may not be read.
        """
        held = self._held.get(directory)
        if held is None:
            held = self._held[directory] = self._before.pop(directory, {})
        descriptor = held.get(name)
        if descriptor is None:
            return self._read_new(held, directory, name)
        try:
            # The same as `contents`, without the call: this runs thousands of times a tick.
            data = os.pread(descriptor, CHUNK, 0)
            return data if len(data) < SHORT else the_rest(descriptor, data)
        except OSError:
            self._close(held.pop(name))
            return self._read_new(held, directory, name)

    def _read_new(self, held: dict[str, int], directory: str, name: str) -> bytes:
        descriptor = os.open(f"{directory}/{name}", os.O_RDONLY)
        self._open += 1
        try:
            data = contents(descriptor)
        except OSError:
            self._close(descriptor)
            raise
        if self._open <= self._limit:
            held[name] = descriptor
        else:
            self._close(descriptor)
        return data

    def _close(self, descriptor: int) -> None:
        self._open -= 1
        os.close(descriptor)

    def turn(self) -> None:
        """Begin a new tick: close the files of directories that the last tick did not read."""
        for held in self._before.values():
            for descriptor in held.values():
                self._close(descriptor)
        self._before, self._held = self._held, {}

    def close(self) -> None:
        """Close all files."""
        self.turn()
        self.turn()


def descriptors() -> int:
    """Raise the soft limit on open files as far as allowed, and return the half that `Files` may use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted // 2
