"""Settings and facts of the host that every collector needs."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from producers.host import procfs
from producers.host.identity import Identifier
from producers.host.rules import Rule, compile_pattern
from producers.names import fit


@dataclass
class Context:
    """Where to read and what to publish.

    Parameters
    ----------
    procfs, cgroupfs
        Where both file systems are mounted; in a container, those of the host.
    host, environment
        Written into every snapshot.
    top_processes
        How many of the largest processes are published.
    match
        Regular expressions; a process whose name or command line matches one is always published.
    rules
        Override rules as text (docs/identity.md).
    page_size, clock_ticks
        Bytes of a page and clock ticks a second, of the kernel.

    Attributes
    ----------
    boot_time
        In unix seconds; None where it cannot be read.
    patterns
        `match`, compiled.
    identify
        Names what is measured.

    Raises
    ------
    ValueError
        If a `match` or a rule cannot be used; the message is one line.
    """

    procfs: Path
    cgroupfs: Path
    host: str
    environment: str | None = None
    top_processes: int = 10
    match: Sequence[str] = ()
    rules: Sequence[str] = ()
    page_size: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE"))
    clock_ticks: int = field(default_factory=lambda: os.sysconf("SC_CLK_TCK"))
    boot_time: float | None = field(init=False)
    patterns: list[re.Pattern[str]] = field(init=False)
    identify: Identifier = field(init=False)

    def __post_init__(self) -> None:
        """Read the boot time, compile the patterns, and make names that a record may hold."""
        self.host = fit(self.host)
        self.environment = fit(self.environment) if self.environment else None
        self.patterns = [compile_pattern("match", pattern) for pattern in self.match]
        self.identify = Identifier(self.host, [Rule.parse(text) for text in self.rules])
        try:
            self.boot_time = procfs.boot_time(procfs.read_file(f"{self.procfs}/stat"))
        except OSError:
            self.boot_time = None

    def started(self, start_ticks: int | None) -> float | None:
        """Return the start of a process in unix seconds, from its clock ticks since the boot."""
        if self.boot_time is None or start_ticks is None:
            return None
        return self.boot_time + start_ticks / self.clock_ticks
