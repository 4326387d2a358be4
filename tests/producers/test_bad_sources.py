"""A bad value costs its field, a bad line its line, a bad group its group, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.records.types import MOST_COUNT
from producers.host import procfs
from producers.host.reader import MALFORMED, UNREADABLE, VANISHED
from producers.names import apart
from tests.producers.spoil import nest, remove
from tests.producers.trees import FIXTURES, context_of, sample, unpack

MIB = 2**20
BAD_NUMBERS = [
    b"",
    b"-1",
    b"+1",
    b"1.5",
    b"1e3",
    b"0x10",
    b"1_000",
    b" 1",
    b"1\0",
    b"\xd9\xa1",
    b"18446744073709551615",
    b"9" * 5000,
    b"many",
]


@pytest.fixture
def v2(tmp_path: Path) -> Iterator[Path]:
    yield unpack((FIXTURES / "v2.tree").read_text(), tmp_path)
    remove(tmp_path)


@pytest.mark.parametrize("text", BAD_NUMBERS)
def test_what_is_no_whole_number_is_none_and_counted(text: bytes) -> None:
    bad: list[None] = []
    assert procfs.whole(text, MOST_COUNT, lambda: bad.append(None)) is None
    assert len(bad) == 1


def test_whole_numbers_up_to_the_most() -> None:
    assert procfs.whole(b"007", 10) == 7
    assert procfs.whole(b"%d" % MOST_COUNT, MOST_COUNT) == 2**63 - 1
    assert procfs.whole(b"11", 10) is None


@pytest.mark.parametrize("text", [text for text in BAD_NUMBERS if b" " not in text])
def test_every_reader_leaves_a_bad_number_out(text: bytes) -> None:
    bad: list[None] = []

    def count() -> None:
        bad.append(None)

    lines = procfs.lines_of(b"a", b"b")
    assert procfs.keyed(b"b 1\na " + text + b"\n", lines, count) == {b"b": 1, b"a": None}
    assert procfs.value(b"a 1\noom_kill " + text + b"\n", b"oom_kill", count) is None
    assert procfs.kibibytes(b"A: 1 kB\nB: " + text + b" kB\n", count) == {b"A": 1024}
    assert procfs.stall_seconds(b"some total=1000000\nfull total=" + text + b"\n", count) == {b"some": 1.0}
    assert procfs.busy_ticks(b"cpu  1 1 1 1 1 1 1 " + text + b"\n", count) is None
    assert procfs.socket_pages(b"TCP: inuse 1 mem 5\nUDP: mem " + text + b"\n", count) is None
    assert procfs.soft_limit(b"Max data size   " + text + b"\n", b"Max data size", count) is None
    assert procfs.boot_time(b"cpu 1\nbtime " + text + b"\n") is None
    assert procfs.pages(b"1 2 " + text) is None
    # A limit near 2**64 means no limit, and is not bad.
    assert len(bad) == 6 + (text != b"18446744073709551615")


# Pieces of what the kernel writes, so that garbage gets past the first look.
PIECES = [
    b"cpu ",
    b" kB",
    b"VmRSS:",
    b"\n",
    b" ",
    b"total=",
    b"some ",
    b"mem ",
    b"btime ",
    b"(",
    b")",
    b"max",
    b"7",
]


@given(st.lists(st.binary(max_size=8) | st.sampled_from(PIECES), max_size=60).map(b"".join))
def test_no_reader_fails_whatever_it_is_given(data: bytes) -> None:
    numbers = [
        procfs.number(procfs.keyed(data, procfs.lines_of(b"VmRSS:", b"some")), b"some"),
        procfs.value(data, b"some"),
        *procfs.kibibytes(data).values(),
        *(procfs.stat(data) or [None])[1:],
        *(procfs.pages(data) or [0])[:1],
        procfs.finite(data),
        procfs.soft_limit(data, b"some"),
        *procfs.stall_seconds(data).values(),
        procfs.busy_ticks(data),
        procfs.boot_time(data),
        procfs.socket_pages(data),
    ]
    assert all(isinstance(number, int | float) and number >= 0 for number in numbers if number is not None)


def test_a_name_is_no_size() -> None:
    bad: list[None] = []
    data = b"Name:\tcache 64 kB\nVmRSS:\t 1 kB\nName:\t5 kB\nx\rVmSwap:\t9 kB\nVmRSS:\t 2 kB\nno colon kB\n"
    assert procfs.kibibytes(data, lambda: bad.append(None)) == {b"VmRSS": 1024, b"x\rVmSwap": 9216}
    assert len(bad) == 1
    assert procfs.kibibytes(b"Name:\t64 kB\n") == {}


def test_a_bad_line_costs_its_line() -> None:
    bad: list[None] = []
    lines = procfs.lines_of(b"anon", b"file")
    data = b"anon 1\nwhat is this\nfile 2 3\nanon 4\nfi"
    values = procfs.keyed(data, lines, lambda: bad.append(None))
    assert procfs.number(values, b"anon") == 1
    assert procfs.number(values, b"file") is None
    # Once for the lines of another form, once for the bad value.
    assert len(bad) == 2


def test_of_a_huge_file_the_first_lines_are_read(v2: Path) -> None:
    stat = v2 / "cgroup/system.slice/nginx.service/memory.stat"
    stat.write_bytes(stat.read_bytes() + b"other 1\n" * 1_000_000)
    tick = sample(context_of(v2))
    nginx = next(one.snapshot for one in tick.measured if one.snapshot.instance.endswith("nginx.service"))
    assert nginx.anon is not None
    assert tick.reader.skipped[MALFORMED] == 1
    assert tick.reader.examples[MALFORMED] == str(stat)
    assert len(procfs.read_file(str(stat))) <= procfs.LONGEST_FILE


def test_what_has_no_line_to_cut_after_is_cut() -> None:
    assert len(procfs.cut(b"1" * (procfs.LONGEST_FILE + 1))) == procfs.LONGEST_FILE


def test_a_process_without_a_line_of_its_size_is_measured_by_its_pages(v2: Path) -> None:
    status = v2 / "proc/2001/status"
    lines = status.read_text().splitlines(keepends=True)
    status.write_text("".join(line for line in lines if not line.startswith(("VmRSS", "RssAnon"))))
    tick = sample(context_of(v2))
    process = next(one.snapshot for one in tick.measured if one.snapshot.instance.endswith("2001-210000"))
    pages = procfs.pages((v2 / "proc/2001/statm").read_bytes())
    assert pages
    assert (process.used, process.anon) == (pages.resident * 4096, pages.private * 4096)
    assert process.file is not None


def test_a_kernel_thread_is_not_published(v2: Path) -> None:
    (v2 / "proc/2001/status").write_text("Name:\tkthreadd\nThreads:\t1\n")
    context = context_of(v2, match=["python"])
    (v2 / "proc/2001/statm").write_text("0 0 0 0 0 0 0\n")
    assert not [one for one in sample(context).measured if "2001-" in one.snapshot.instance]


def test_bad_process_ids_cost_themselves(v2: Path) -> None:
    procs = v2 / "cgroup/system.slice/nginx.service/cgroup.procs"
    procs.write_bytes(b"x\n-5\n" + procs.read_bytes() + b"99999999999999999999999\n")
    (v2 / "proc/\N{SUPERSCRIPT TWO}").mkdir()
    tick = sample(context_of(v2))
    assert tick.reader.skipped[MALFORMED] == 3
    nginx = next(one.snapshot for one in tick.measured if one.snapshot.instance.endswith("nginx.service"))
    assert nginx.started is not None


@pytest.mark.parametrize("text", ["", "lots\n", "18446744073709551615\n"])
def test_a_group_with_a_bad_size_is_published_without_it(v2: Path, text: str) -> None:
    (v2 / "cgroup/system.slice/nginx.service/memory.current").write_text(text)
    tick = sample(context_of(v2))
    nginx = next(one.snapshot for one in tick.measured if one.snapshot.instance.endswith("nginx.service"))
    assert (nginx.used, nginx.working_set, nginx.limit_used) == (None, None, None)
    assert nginx.anon is not None
    assert nginx.limit is not None
    assert tick.reader.skipped[MALFORMED] == 1


def test_pressure_of_groups_does_not_need_the_hosts(v2: Path) -> None:
    (v2 / "proc/pressure/memory").write_text("nonsense\n")
    snapshots = {one.snapshot.instance: one.snapshot for one in sample(context_of(v2)).measured}
    assert snapshots["node-a"].pressure_some is None
    assert snapshots["node-a/c0ffee222222"].pressure_some == 0.06


def test_groups_nested_deeper_than_paths_reach_cost_only_themselves(v2: Path) -> None:
    nest(v2 / "cgroup", "a", 2500)
    whole = sample(context_of(unpack((FIXTURES / "v2.tree").read_text(), v2 / "other"))).measured
    tick = sample(context_of(v2))
    assert [one.snapshot for one in tick.measured] == [one.snapshot for one in whole]
    assert tick.reader.skipped[UNREADABLE] == 2  # the last of the nested groups, and a link in the kept tree


def test_a_second_group_of_the_same_name_is_told_apart(v2: Path) -> None:
    for name in ("a.slice", "b.slice"):
        group = v2 / f"cgroup/{name}/twin.service"
        group.mkdir(parents=True)
        (group / "memory.current").write_text("4096\n")
        (group / "memory.stat").write_text("anon 4096\ninactive_file 0\n")
        (group / "cgroup.procs").write_text("")
    snapshots = [one.snapshot for one in sample(context_of(v2)).measured]
    twins = [one.instance for one in snapshots if one.service == "unit/twin.service"]
    second = apart("node-a/twin.service", "/b.slice/twin.service")
    assert twins == ["node-a/twin.service", second]
    assert second.startswith("node-a/twin.service~")
    assert len({(one.service, one.instance) for one in snapshots}) == len(snapshots)


def test_a_process_that_cannot_be_named_is_counted(v2: Path) -> None:
    stat = v2 / "proc/2001/stat"
    stat.write_text(stat.read_text().replace(" 210000 ", " -210000 "))
    tick = sample(context_of(v2))
    assert tick.reader.skipped[MALFORMED] == 1
    assert tick.reader.skipped[VANISHED] == 1
    assert not [one for one in tick.measured if "/2001-" in one.snapshot.instance]
