"""Collectors on kept trees of /proc and cgroups (against golden outputs) and on this machine."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fleetleak.records import Decoder, Snapshot, encode
from fleetleak.records.codec import to_dict
from fleetleak.records.memory import held
from producers.host.collectors import COLLECTORS, NoData
from producers.host.context import Context
from producers.host.files import Files
from producers.host.reader import DENIED, MALFORMED, UNREADABLE, VANISHED
from producers.host.tick import Tick
from producers.statelog import OK, StateLog
from tests.producers.trees import FIXTURES, NOW, TREES, collectors_of, context_of, sample, unpack

MIB = 2**20


def by_instance(tick: Tick) -> dict[str, Snapshot]:
    snapshots = {one.snapshot.instance.removeprefix("node-a/"): one.snapshot for one in tick.measured}
    assert len(snapshots) == len(tick.measured)
    return snapshots


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    return unpack((FIXTURES / "v2.tree").read_text(), tmp_path)


@pytest.fixture
def v1(tmp_path: Path) -> Path:
    return unpack((FIXTURES / "v1.tree").read_text(), tmp_path)


@pytest.mark.parametrize("tree", TREES)
def test_golden(tree: str, tmp_path: Path) -> None:
    """REGENERATE_GOLDEN=1 rewrites the golden file; read its difference before keeping it."""
    root = unpack((FIXTURES / f"{tree}.tree").read_text(), tmp_path)
    rules = [r"java .*/(\w+)-(\d[\d.]*)\.jar => shop/\1 version=\2 team=payments"]
    tick = sample(context_of(root, match=["odd", "--nightly"], rules=rules, top_processes=3))
    skipped = {
        reason: [count, _relative(tick.reader.examples[reason], root)]
        for reason, count in tick.reader.skipped.items()
    }
    got = {"skipped": skipped, "snapshots": [to_dict(one.snapshot) for one in tick.measured]}
    golden = FIXTURES / f"{tree}.golden.json"
    if os.environ.get("REGENERATE_GOLDEN"):
        golden.write_text(json.dumps(got, indent=1) + "\n")
    assert got == json.loads(golden.read_text())


def _relative(path: str, root: Path) -> str:
    return str(Path(path).relative_to(root))


@pytest.mark.parametrize("tree", TREES)
def test_every_snapshot_can_be_read_back(tree: str, tmp_path: Path) -> None:
    tick = sample(context_of(unpack((FIXTURES / f"{tree}.tree").read_text(), tmp_path)))
    decoder = Decoder(Snapshot)
    assert [decoder.decode(encode(one.snapshot)) for one in tick.measured] == [
        one.snapshot for one in tick.measured
    ]


def test_scopes_of_v2(v2: Path) -> None:
    snapshots = by_instance(sample(context_of(v2, top_processes=1)))
    assert {name: (one.scope, one.service) for name, one in snapshots.items()} == {
        "node-a": ("host", "host/node-a"),
        "nginx.service": ("unit", "unit/nginx.service"),
        "worker@7.service": ("unit", "unit/worker@.service"),
        "run-r5d1f00d5d1f.scope": ("unit", "unit/run.scope"),
        "d0c4e2111111": ("container", "container/java"),
        "0f6f5cd1-7b0a-4b2c-9d1e-2f3a4b5c6d7e": ("pod", "pod/0f6f5cd1-7b0a-4b2c-9d1e-2f3a4b5c6d7e"),
        "c0ffee222222": ("container", "container/python3"),
        "a1b2c3d4-0000-4111-8222-333344445555": ("pod", "pod/a1b2c3d4-0000-4111-8222-333344445555"),
        "beef01444444": ("container", "container/redis-server"),
        "2001-210000": ("process", "process/python3"),
    }


def test_the_limit_with_the_fewest_bytes_left_applies(v2: Path) -> None:
    snapshots = by_instance(sample(context_of(v2)))
    inner = snapshots["c0ffee222222"]  # unlimited itself; its pod has 1.5 GiB, kubepods 12 GiB
    assert (inner.limit, inner.limit_name, inner.limit_used) == (1536 * MIB, "memory.max", 1000 * MIB)
    equal = snapshots["beef01444444"]  # as large as its pod's, which has fewer bytes left
    assert (equal.limit, equal.limit_used) == (512 * MIB, 380 * MIB)
    assert snapshots["worker@7.service"].limit is None
    assert snapshots["worker@7.service"].total == snapshots["node-a"].total == 16_384_000 * 1024


def test_the_limit_with_the_fewest_bytes_left_applies_in_v1(v1: Path) -> None:
    snapshots = by_instance(sample(context_of(v1)))
    inner = snapshots["c0ffee222222"]  # 2 GiB itself; its pod has 1 GiB
    assert (inner.limit, inner.limit_name, inner.limit_used) == (
        1024 * MIB,
        "memory.limit_in_bytes",
        640 * MIB,
    )
    assert snapshots["cron.service"].limit is None
    assert snapshots["3b7f9aaaaaaa"].oom_kills == 3


def test_a_process_has_the_limit_with_the_fewest_bytes_left(v2: Path) -> None:
    snapshots = by_instance(sample(context_of(v2)))
    odd = snapshots["2000-200000"]
    assert (odd.limit_name, odd.limit, odd.limit_used) == ("rlimit_data", 256 * MIB, 200 * MIB)
    large = snapshots["2001-210000"]  # 6 GiB left of RLIMIT_AS, 186 MiB left of its slice
    assert (large.limit_name, large.limit, large.limit_used) == ("memory.max", 1200 * MIB, 1014 * MIB)
    assert snapshots["2003-190000"].limit_name == "memory.max"


def test_inner_scopes_are_attributed_once(v2: Path) -> None:
    snapshots = by_instance(sample(context_of(v2, match=["leaky"], top_processes=0)))
    process, container = snapshots["1100-120050"], snapshots["c0ffee222222"]
    pod = snapshots["0f6f5cd1-7b0a-4b2c-9d1e-2f3a4b5c6d7e"]
    assert container.attributed == process.anon == 780 * MIB
    assert pod.attributed == held(container)
    assert process.attributed is None
    inner = {"c0ffee222222", "beef01444444", "1100-120050", "node-a"}
    outermost = sum(held(one) or 0 for name, one in snapshots.items() if name not in inner)
    assert snapshots["node-a"].attributed == outermost


def test_started_is_that_of_the_main_process(v2: Path) -> None:
    context = context_of(v2)
    collectors = collectors_of(context)
    procs = v2 / "cgroup/system.slice/nginx.service/cgroup.procs"
    before = by_instance(sample(context, collectors))["nginx.service"].started
    procs.write_text("701\n700\n")
    same = by_instance(sample(context, collectors))["nginx.service"].started
    procs.write_text("701\n")
    after = by_instance(sample(context, collectors))["nginx.service"].started
    assert (before, same, after) == (1_790_000_025.0, 1_790_000_025.0, 1_790_000_026.0)


def test_processes_of_published_cgroups_are_left_out(v2: Path) -> None:
    snapshots = by_instance(sample(context_of(v2, top_processes=50)))
    processes = {name for name, one in snapshots.items() if one.scope == "process"}
    assert processes == {"1-12", "2000-200000", "2001-210000", "2003-190000"}


def test_without_the_cgroup_collector_every_process_counts(v2: Path) -> None:
    context = context_of(v2, top_processes=2)
    collectors = [COLLECTORS["process"](context)]
    assert set(by_instance(sample(context, collectors))) == {"1100-120050", "900-90000"}


def test_a_published_process_stays_among_twice_as_many(v2: Path) -> None:
    context = context_of(v2, top_processes=1)
    collectors = collectors_of(context)

    def processes() -> set[str]:
        snapshots = by_instance(sample(context, collectors))
        return {name for name, one in snapshots.items() if one.scope == "process"}

    assert processes() == {"2001-210000"}
    shutil.copyfile(v2 / "proc/1100/statm", v2 / "proc/2000/statm")
    assert processes() == {"2000-200000", "2001-210000"}
    shutil.copyfile(v2 / "proc/1100/statm", v2 / "proc/2003/statm")
    # The size of a small process is read in turns only, here within ten ticks.
    assert [processes() for _ in range(10)][-1] == {"2000-200000"}


def test_a_new_process_of_the_same_pid_does_not_inherit_its_place(v2: Path) -> None:
    context = context_of(v2, top_processes=1)
    collectors = collectors_of(context)
    sample(context, collectors)
    shutil.copyfile(v2 / "proc/1100/statm", v2 / "proc/2000/statm")
    stat = v2 / "proc/2001/stat"
    stat.write_text(stat.read_text().replace(" 210000 ", " 333333 "))
    snapshots = by_instance(sample(context, collectors))
    assert [name for name, one in snapshots.items() if one.scope == "process"] == ["2000-200000"]


def test_a_changed_program_is_matched_in_time(v2: Path) -> None:
    context = context_of(v2, match=["trainer"], top_processes=0)
    collectors = collectors_of(context)
    assert "2001-210000" not in by_instance(sample(context, collectors))
    (v2 / "proc/2001/cmdline").write_bytes(b"trainer\0--gpu\0")
    ticks = [by_instance(sample(context, collectors)) for _ in range(10)]
    assert "2001-210000" in ticks[-1]


def test_what_is_not_running_yet_has_no_name(v2: Path) -> None:
    stat = v2 / "proc/900/stat"
    stat.write_text(stat.read_text().replace("(java)", "(runc:[2:INIT])"))
    assert "d0c4e2111111" not in by_instance(sample(context_of(v2)))


def test_a_vanished_process_is_skipped_and_counted(v2: Path) -> None:
    tick = sample(context_of(v2))
    assert tick.reader.skipped[VANISHED] == 1
    assert tick.reader.examples[VANISHED] == str(v2 / "proc/3000/statm")


def test_a_file_that_cannot_be_opened_is_skipped_and_counted(v2: Path) -> None:
    # A link to itself (in the kept tree) and a directory fail for root too.
    stat = v2 / "cgroup/system.slice/nginx.service/memory.stat"
    stat.unlink()
    stat.mkdir()
    tick = sample(context_of(v2))
    assert tick.reader.skipped[UNREADABLE] == 2
    nginx = by_instance(tick)["nginx.service"]
    assert (nginx.used, nginx.anon, nginx.faults_minor) == (300 * MIB, None, None)


def test_nonsense_in_a_file_costs_only_its_own_fields(v2: Path) -> None:
    whole = by_instance(sample(context_of(v2)))
    (v2 / "cgroup/system.slice/nginx.service/memory.stat").write_text("anon many\nfile 4096\n")
    (v2 / "proc/2001/statm").write_text("1 x\n")
    (v2 / "proc/2003/status").write_text("VmRSS:\tlots kB\n")
    (v2 / "proc/1/stat").write_text("1 systemd\n")
    tick = sample(context_of(v2))
    assert tick.reader.skipped[MALFORMED] == 4
    snapshots = by_instance(tick)
    # A process needs its start for a name, and its size to be one of the largest.
    assert set(whole) - set(snapshots) == {"2001-210000", "1-12"}
    nginx, process = snapshots["nginx.service"], snapshots["2003-190000"]
    assert (nginx.used, nginx.anon, nginx.file, nginx.working_set) == (300 * MIB, None, 4096, None)
    assert (process.used, process.anon, process.file) == (whole["2003-190000"].used, process.anon, None)
    assert process.anon == whole["2003-190000"].anon


def test_a_file_that_may_not_be_read_is_skipped_and_counted() -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = unpack((FIXTURES / "v2.tree").read_text(), Path(directory))
        root.chmod(0o755)
        (root / "cgroup/system.slice/nginx.service/memory.stat").chmod(0)
        (root / "proc/2001/status").chmod(0)
        with _no_superuser():
            tick = sample(context_of(root))
    assert tick.reader.skipped[DENIED] == 2
    assert tick.reader.examples[DENIED].endswith("nginx.service/memory.stat")
    assert "2001-210000" not in by_instance(tick)


@contextmanager
def _no_superuser() -> Iterator[None]:
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_group_removed_while_it_is_read_is_counted(v2: Path) -> None:
    class Removing(Tick):
        def stat(self, pid: int) -> Any:
            if pid == 700:
                shutil.rmtree(v2 / "cgroup/system.slice/nginx.service")
            return super().stat(pid)

    context = context_of(v2)
    tick = Removing(context, NOW, Files(1))
    COLLECTORS["cgroup"](context).collect(tick)
    assert tick.reader.examples[VANISHED].endswith("nginx.service")
    assert "nginx.service" not in by_instance(tick)


def test_a_group_without_memory_accounting_leaves_its_processes_to_themselves(v2: Path) -> None:
    group = v2 / "cgroup/system.slice/nginx.service"
    for file in group.glob("memory.*"):
        file.unlink()
    snapshots = by_instance(sample(context_of(v2)))
    assert "nginx.service" not in snapshots
    assert "701-2600" in snapshots


def test_a_host_without_a_memory_controller_has_no_cgroup_data(tmp_path: Path) -> None:
    (tmp_path / "cgroup").mkdir()
    context = context_of(tmp_path)
    with pytest.raises(NoData, match="no memory controller"):
        COLLECTORS["cgroup"](context).collect(Tick(context, NOW, Files(1)))


def test_a_host_without_proc_has_no_data(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    assert context.boot_time is None
    tick = Tick(context, NOW, Files(1))
    with pytest.raises(NoData, match="meminfo"):
        COLLECTORS["host"](context).collect(tick)
    assert tick.pids == []


def test_bad_patterns_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^match: '\(' is not a regular expression: .*$"):
        context_of(tmp_path, match=["("])


def test_state_changes_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    states = StateLog(logging.getLogger("test"))
    for state in (OK, "denied", "denied", "denied", OK, OK):
        states.set("sources", state)
    states.set("others", "gone", "12, first /proc/1", quiet=True)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "sources: denied"),
        ("INFO", "sources: ok"),
        ("DEBUG", "others: gone (12, first /proc/1)"),
    ]


def test_this_machine() -> None:
    context = Context(Path("/proc"), Path("/sys/fs/cgroup"), "here", match=[f"{os.getpid()}|pytest"])
    tick = sample(context)
    host = tick.measured[0].snapshot
    assert host.scope == "host"
    assert host.total == tick.memory_total
    assert 0 < host.used < host.total  # type: ignore[operator]
    assert host.started is not None
    assert host.faults_minor is not None
    assert host.cpu_seconds is not None
    own = [
        one.snapshot for one in tick.measured if (one.snapshot.labels or {}).get("pid") == str(os.getpid())
    ]
    assert len(own) == 1
    assert own[0].anon is not None
    assert own[0].anon > MIB
    for one in tick.measured:
        assert Decoder(Snapshot).decode(encode(one.snapshot)) == one.snapshot


LEAKING_CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
kept = []
for line in sys.stdin:
    kept.append(bytearray(int(line)))
    kept[-1][::4096] = b"x" * (int(line) // 4096)
    print(len(kept), flush=True)
"""


def test_a_leaking_process_is_measured() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LEAKING_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        context = Context(
            Path("/proc"), Path("/sys/fs/cgroup"), "here", match=["kept.append"], top_processes=0
        )
        collectors = collectors_of(context)
        anon = []
        for _ in range(4):
            child.stdin.write(f"{16 * MIB}\n")
            child.stdin.flush()
            child.stdout.readline()
            tick = sample(context, collectors)
            (snapshot,) = (
                one.snapshot
                for one in tick.measured
                if (one.snapshot.labels or {}).get("pid") == str(child.pid)
            )
            anon.append(snapshot.anon or 0)
        child.stdin.close()
    steps = [later - earlier for earlier, later in pairwise(anon)]
    assert all(15 * MIB < step < 18 * MIB for step in steps)
    assert snapshot.limit_name == "rlimit_data"
    assert snapshot.limit == 2**30
    assert 64 * MIB < snapshot.limit_used < 2**30  # type: ignore[operator]
    assert snapshot.instance.startswith(f"here/{child.pid}-")
