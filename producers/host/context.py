"""What every collector needs to know about the host and the settings."""

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
    """Where to read and whom to publish.

    Parameters
    ----------
    procfs, cgroupfs
        The roots; in a container, where the host's are mounted.
    host, environment
        Written into every snapshot.
    top_processes
        Processes published for their size.
    match
        Regular expressions; a process whose name or command line fits one is always published.
    rules
        Override rules as text (docs/identity.md).
    page_size, clock_ticks
        Bytes of a page, clock ticks a second: the kernel's.

    Raises
    ------
    ValueError
        In one line, for a `match` or a rule that cannot be used.
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
        """Read the boot time, compile the patterns, and make the names fit for a record."""
        self.host = fit(self.host)
        self.environment = fit(self.environment) if self.environment else None
        self.patterns = [compile_pattern("match", pattern) for pattern in self.match]
        self.identify = Identifier(self.host, [Rule.parse(text) for text in self.rules])
        try:
            self.boot_time = procfs.boot_time(procfs.read_file(f"{self.procfs}/stat"))
        except OSError:
            self.boot_time = None

    def started(self, start_ticks: int | None) -> float | None:
        """Give unix seconds of a process's start, from its clock ticks since the boot."""
        if self.boot_time is None or start_ticks is None:
            return None
        return self.boot_time + start_ticks / self.clock_ticks
