"""Random damage to trees of /proc and cgroups: the agent goes on, and publishes the rest as before.

`python -m tests.producers.fuzz --cases 10000 [--seed N]` runs many cases; a failure names its seed and its
number.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Producer

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Snapshot
from fleetleak.records.codec import to_dict
from producers.buffer import Buffer
from producers.host.agent import Agent, build
from producers.host.collectors import COLLECTORS
from producers.publisher import Publisher
from tests.producers.spoil import add_groups, remove, spoil_file
from tests.producers.trees import FIXTURES, NOW, TREES, context_of, unpack

PROGRESS_SECONDS = 5.0
# Trees of hundreds of files are made and removed thousands of times.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# Fields that one damaged file changes elsewhere: by the host's memory, and by limits above.
OF_HOST_MEMORY = {"total", "available", "limit", "limit_name", "limit_used"}
OF_LIMITS = {"total", "limit", "limit_name", "limit_used"}


class Clock:
    """A clock that stands still."""

    def monotonic(self) -> float:
        return 0.0

    def time(self) -> float:
        return NOW


class Sink:
    """A client that decodes each published snapshot as a processor does."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self._decode = Decoder(Snapshot).decode

    def produce(self, _topic: str, *, key: bytes, value: bytes, on_delivery: Callable[..., None]) -> None:
        snapshot = self._decode(value)
        assert key == snapshot.service.encode()
        self.snapshots.append(snapshot)
        on_delivery(None, None)

    def poll(self, _seconds: float) -> None:
        """Everything is delivered at once."""

    def flush(self, _seconds: float) -> None:
        """Everything is delivered at once."""


def agent_of(root: Path, sink: Sink) -> Agent:
    """Make an agent that publishes every process."""
    publisher = Publisher({}, "t", Buffer(100_000, 2**26), metrics, lambda _: cast(Producer, sink))
    rules = [r"java .*/(\w+)-(\d[\d.]*)\.jar => shop/\1 version=\2 team=payments"]
    context = context_of(root, match=["odd"], rules=rules, top_processes=1000)
    return build(context, publisher, 30.0, Clock())


def stop(agent: Agent) -> None:
    """Close the agent's files."""
    stopped = threading.Event()
    stopped.set()
    agent.run(stopped)


@dataclass
class Whole:
    """The snapshots of an undamaged tree, and the processes of each group."""

    snapshots: dict[str, dict[str, Any]]
    groups: dict[str, str]
    members: dict[str, set[str]]
    files: list[str] = field(default_factory=list)


@cache
def whole(tree: str) -> Whole:
    """Measure a kept tree once."""
    with tempfile.TemporaryDirectory() as directory:
        root = unpack((FIXTURES / f"{tree}.tree").read_text(), Path(directory))
        sink = Sink()
        agent = agent_of(root, sink)
        measured = agent.tick().measured
        stop(agent)
        top = root / "cgroup" / ("memory" if tree == "v1" else "")
        groups = {
            one.snapshot.instance: Path(one.cgroup).relative_to(top).as_posix()
            for one in measured
            if one.is_group and one.cgroup
        }
        members = {
            file.parent.relative_to(top).as_posix(): set(file.read_text().split())
            for file in top.rglob("cgroup.procs")
        }
        files = sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if not file.is_dir())
        return Whole({one.instance: to_dict(one) for one in sink.snapshots}, groups, members, files)


@dataclass
class Damage:
    """The damaged files of a tree, and the snapshots that this may change."""

    of: Whole
    host: set[str] = field(default_factory=set)
    pids: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    lost_all_groups: bool = False

    def add(self, name: str) -> None:
        """Add a damaged file by its path in the tree."""
        kind, *rest = name.split("/")
        if kind == "proc" and rest[0].isdigit():
            self.pids.add(rest[0])
        elif kind == "proc":
            self.host.add("/".join(rest))
        elif rest == ["cgroup.controllers"]:
            self.lost_all_groups = True
        else:
            # Those of version 1 have a tree for each controller.
            rest = rest[1:] if rest[0] in ("memory", "cpuacct") else rest
            self.groups.add("/".join(rest[:-1]) or ".")

    def ignored(self, snapshot: dict[str, Any]) -> set[str] | None:
        """Return the fields that may differ; None where the whole snapshot may."""
        ignored = {"attributed"}
        if "meminfo" in self.host:
            ignored |= OF_HOST_MEMORY
        if "stat" in self.host:
            ignored.add("started")
        if "pressure/memory" in self.host:
            ignored |= {"pressure_some", "pressure_full"}
        scope = snapshot.get("scope", "process")
        if scope == "host":
            return None if self.host else ignored
        if self.lost_all_groups:
            return None
        if scope == "process":
            # It may now be in another group, or its group's limit may change.
            return None if self.groups or snapshot["labels"]["pid"] in self.pids else ignored
        return self._ignored_of_group(self.of.groups[snapshot["instance"]], ignored)

    def _ignored_of_group(self, group: str, ignored: set[str]) -> set[str] | None:
        inside = [name for name in self.of.members if _is_within(name, group)]
        if any(_is_within(name, group) for name in self.groups):
            return None
        if any(self.pids & self.of.members[name] for name in inside):
            return None
        return ignored | (OF_LIMITS if any(_is_within(group, name) for name in self.groups) else set())


def _is_within(inner: str, outer: str) -> bool:
    return outer == "." or inner == outer or inner.startswith(f"{outer}/")


def spoil(root: Path, of: Whole, rng: random.Random) -> Damage:
    """Damage a tree at a few places."""
    damage = Damage(of)
    for name in rng.sample(of.files, rng.choice([1, 1, 2, 3, 10, 40])):
        spoil_file(root / name, rng)
        damage.add(name)
    if rng.random() < 0.1:
        process = rng.choice([name for name in of.files if name.endswith("/status")])
        remove((root / process).parent)
        damage.add(process)
    if rng.random() < 0.2:
        tops = [root / "cgroup/memory", root / "cgroup"]
        add_groups(next(top for top in tops if top.is_dir()), rng)
    return damage


def _failures() -> float:
    """Return how often a collector failed or a snapshot was not sent."""
    samples: list[tuple[str, dict[str, str]]] = [("invalid_snapshots_total", {})]
    samples += [("collect_errors_total", {"collector": name}) for name in COLLECTORS]
    counts = (metrics.REGISTRY.get_sample_value(f"fleetleak_producer_{name}", at) for name, at in samples)
    return sum(count or 0.0 for count in counts)


def check(published: list[Snapshot], damage: Damage) -> None:
    """Check that what was not damaged is published as before."""
    by_instance = {one.instance: to_dict(one) for one in published}
    assert len({(one.service, one.instance) for one in published}) == len(published)
    for instance, before in damage.of.snapshots.items():
        ignored = damage.ignored(before)
        if ignored is None:
            continue
        after = by_instance.get(instance)
        assert after is not None, f"{instance} is not published"
        wrong = {
            name: (before.get(name), after.get(name))
            for name in {*before, *after} - ignored
            if before.get(name) != after.get(name)
        }
        assert not wrong, f"{instance}: before and after: {wrong}"


def run_case(seed: int, number: int) -> None:
    """Damage one tree, measure it, and check what is published.

    Raises
    ------
    AssertionError
        If something that was not damaged is missing or changed; with the seed and the number.
    """
    rng = random.Random(f"{seed}/{number}")
    tree = rng.choice(TREES)
    directory = Path(tempfile.mkdtemp(dir=MEMORY))
    try:
        root = unpack((FIXTURES / f"{tree}.tree").read_text(), directory)
        sink, failures = Sink(), _failures()
        # Half of the agents have the files open when the damage happens.
        agent = agent_of(root, sink) if rng.random() < 0.5 else None
        if agent:
            agent.tick()
            sink.snapshots.clear()
        damage = spoil(root, whole(tree), rng)
        agent = agent or agent_of(root, sink)
        agent.tick()
        stop(agent)
        assert _failures() == failures, "a collector failed, or a snapshot was not sent"
        check(sink.snapshots, damage)
    except Exception as error:
        raise AssertionError(f"seed {seed}, case {number}, tree {tree}: {error}") from error
    finally:
        remove(directory)


def main() -> None:
    """Run cases, and print the progress."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1000, help="how many to run")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of all random choices")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    # The agent logs every damage.
    logging.disable(logging.CRITICAL)
    reported = time.monotonic()
    for number in range(arguments.cases):
        run_case(arguments.seed, number)
        if time.monotonic() - reported > PROGRESS_SECONDS:
            reported = time.monotonic()
            print(f"{number + 1} of {arguments.cases}", file=sys.stderr, flush=True)
    print(f"{arguments.cases} cases, none failed")


if __name__ == "__main__":
    main()
