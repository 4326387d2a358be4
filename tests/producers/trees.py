"""Kept trees of /proc and cgroups, and one tick over a tree."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from producers.host.attribution import attribute
from producers.host.collectors import COLLECTORS, Collector, NoData
from producers.host.context import Context
from producers.host.files import Files
from producers.host.tick import Tick

FIXTURES = Path(__file__).parent / "fixtures"
TREES = ("v1", "v2", "nested")
NOW = 1_790_003_000.0


def unpack(text: str, root: Path) -> Path:
    """Make the files of a kept tree: `=== path` and then its text, or `=== path -> target` for a link."""
    for part in text.split("=== ")[1:]:
        head, _, body = part.partition("\n")
        name, arrow, target = head.partition(" -> ")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if arrow:
            path.symlink_to(target)
        else:
            path.write_bytes(body.replace("\\0\n", "\\0").replace("\\0", "\0").encode())
    return root


def context_of(root: Path, **settings: Any) -> Context:
    return Context(
        root / "proc",
        root / "cgroup",
        "node-a",
        environment="test",
        page_size=4096,
        clock_ticks=100,
        **settings,
    )


def collectors_of(context: Context) -> list[Collector]:
    return [make(context) for make in COLLECTORS.values()]


def sample(context: Context, collectors: Sequence[Collector] | None = None) -> Tick:
    with closing(Files(1000)) as files:
        tick = Tick(context, NOW, files)
        for collector in collectors or collectors_of(context):
            try:
                collector.collect(tick)
            except NoData:
                assert collector.NAME in ("pressure", "cgroup")
    attribute(tick.measured)
    return tick
