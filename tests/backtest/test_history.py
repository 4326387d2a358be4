"""Reading the history of a server: how much it is asked at once, interruptions, and what is kept."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from fleetleak.records import Snapshot
from fleetleak.settings.tree import PrometheusSettings
from fleetleak_app.backtest.answers import Answers
from fleetleak_app.backtest.history import ahead, learn_infos, pieces
from fleetleak_app.backtest.plan import MOST_STEPS, Plan, made
from producers.prometheus.api import Api
from producers.prometheus.assemble import Assembler
from producers.prometheus.series import Window
from tests.backtest import fleet
from tests.backtest.proxy import Proxy, Request, lasting, marked, says, slow
from tests.backtest.real import RealPrometheus
from tests.backtest.support import Ran, cache, fleetleak, stop_clock

__all__ = ["cache"]

DAY = 86_400
SMALL = ("--since", "9h", "--match", '{namespace="shop"}', "--preset", "cadvisor")


@pytest.fixture(autouse=True)
def clock(prometheus: RealPrometheus, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    return stop_clock(monkeypatch, fleet.newest(prometheus.begin))


def backtest(proxy: Proxy, *more: object) -> Ran:
    """Run a small backtest, until also its threads have ended."""
    before = threading.active_count()
    ran = fleetleak("backtest", proxy.url, *SMALL, "--json", *more)
    wait_for_threads(before)
    return ran


def wait_for_threads(most: int) -> None:
    """Wait until no more threads run."""
    deadline = time.monotonic() + 5
    while threading.active_count() > most and time.monotonic() < deadline:
        time.sleep(0.005)
    assert threading.active_count() <= most


def readings(requests: list[Request]) -> list[tuple[str, ...]]:
    """Return what samples were asked for, sorted."""
    return sorted(tuple(one.params.values()) for one in requests if one.is_reading)


def kept(cache: Path) -> list[Path]:
    """Return the files that are kept."""
    return sorted(file for file in cache.rglob("*") if file.is_file())


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_is_asked_at_once_than_is_set(proxy: Proxy, most: int) -> None:
    proxy.misbehave(lasting(0.03), when=lambda request: request.is_reading)
    assert backtest(proxy, "--prometheus-concurrency", most).code == 0
    assert proxy.most_at_once == most


def test_an_answer_has_no_more_steps_than_prometheus_gives(proxy: Proxy) -> None:
    ran = backtest(proxy, "--step", "1s")
    assert ran.code == 0
    asked = [request for request in proxy.requests if request.path == "query_range"]
    assert max(request.steps for request in asked) == MOST_STEPS
    assert f"in {sum(request.is_reading for request in asked)} queries" in ran.err
    # Each step of each query once.
    steps: dict[str, int] = {}
    for request in asked:
        if request.is_reading:
            steps[request.params["query"]] = steps.get(request.params["query"], 0) + request.steps
    assert set(steps.values()) == {9 * 3600}


@pytest.mark.parametrize("good_ones", [0, 5])
def test_the_same_command_goes_on_after_a_failure(proxy: Proxy, cache: Path, good_ones: int) -> None:
    undisturbed = backtest(proxy)
    whole = readings(proxy.forget())
    proxy.misbehave(says(400, b"no"), when=lambda request: request.is_reading, skip=good_ones)
    failed = backtest(proxy)
    assert (failed.code, failed.out) == (1, "")
    assert "(400): no" in failed.err
    assert "the same command goes on" in failed.err
    proxy.behave()
    first = readings(proxy.forget())
    ran = backtest(proxy)
    assert "goes on" in ran.err
    assert ran.json == undisturbed.json
    second = proxy.forget()
    assert not [request for request in second if "count(" in request.params.get("query", "")]
    assert len(readings(second)) == len(whole) - good_ones
    assert set(readings(second)) | set(first) == set(whole)
    assert kept(cache) == []


def test_what_ends_while_it_is_planned_begins_anew(proxy: Proxy) -> None:
    proxy.misbehave(says(401), skip=2)
    failed = backtest(proxy)
    assert failed.code == 1
    assert "X-Scope-OrgID" in failed.err
    proxy.behave()
    assert backtest(proxy).json == backtest(proxy).json


def test_another_question_has_its_own_answers(proxy: Proxy, cache: Path) -> None:
    interrupted(proxy)
    other = backtest(proxy, "--step", "120s")
    assert "goes on" not in other.err
    assert other.json["step_seconds"] == 120
    assert len(kept(cache)) > 5  # the answers of the first one


def test_an_answer_whose_file_is_damaged_is_asked_for_again(proxy: Proxy, tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    undisturbed = backtest(proxy, "--answers", folder)
    proxy.forget()
    files = sorted(folder.glob("0*.answer"))
    damage: list[Callable[[bytes], bytes]] = [
        lambda _: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
        lambda _: files[4].read_bytes()[::-1],
    ]
    for file, spoil in zip(files, damage, strict=False):
        file.write_bytes(spoil(file.read_bytes()))
    files[5].unlink()
    ran = backtest(proxy, "--answers", folder)
    assert ran.json == undisturbed.json
    assert len(proxy.requests) == len(damage) + 1
    proxy.forget()
    assert backtest(proxy, "--answers", folder).json == undisturbed.json
    assert proxy.requests == []


@pytest.mark.parametrize("words", [b"", b"{}", b'{"begin": 0', b"\xff"])
def test_a_plan_that_is_damaged_is_made_again(proxy: Proxy, tmp_path: Path, words: bytes) -> None:
    folder = tmp_path / "answers"
    undisturbed = backtest(proxy, "--answers", folder)
    (folder / "plan.json").write_bytes(words)
    again = backtest(proxy, "--answers", folder)
    assert "goes on" not in again.err
    assert again.json == undisturbed.json


def interrupted(proxy: Proxy) -> None:
    """Run a backtest that fails after five answers."""
    proxy.misbehave(says(400), when=lambda request: request.is_reading, skip=5)
    assert backtest(proxy).code == 1
    proxy.behave()


@pytest.mark.parametrize(("later", "is_old"), [(0.9 * DAY, False), (1.1 * DAY, True)])
def test_a_plan_is_used_for_a_day(
    proxy: Proxy, cache: Path, clock: SimpleNamespace, later: float, is_old: bool
) -> None:
    clock.now -= 2 * DAY
    interrupted(proxy)
    begun = clock.now
    clock.now += later
    second = backtest(proxy)
    assert ("goes on" not in second.err) == is_old
    assert second.json["end"] - begun == pytest.approx(later * is_old, abs=2 * fleet.STEP)


def test_answers_in_a_folder_with_a_name_have_no_end(
    proxy: Proxy, tmp_path: Path, clock: SimpleNamespace
) -> None:
    folder = tmp_path / "answers"
    first = backtest(proxy, "--answers", folder)
    clock.now += 20 * DAY
    assert backtest(proxy, "--answers", folder).json == first.json


def test_the_cache_forgets_questions_that_nobody_asks_again(
    proxy: Proxy, clock: SimpleNamespace, cache: Path
) -> None:
    proxy.misbehave(says(400), when=lambda request: request.is_reading, skip=5)
    assert backtest(proxy).code == 1
    assert kept(cache)
    proxy.behave()
    clock.now = time.time() + 2 * DAY
    fleetleak("backtest", proxy.url, *SMALL, "--step", "120s")
    assert kept(cache) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--since", "10h"), "since was '32400 s'"),
        (("--step", "2m"), "step was '60 s'"),
        (("--match", 'namespace="batch"'), "match was '{namespace=\"shop\"}'"),
        (("--prometheus-headers", "X-Scope-OrgID=Tr0ub4dor"), "headers was"),
    ],
)
def test_a_named_folder_is_for_one_question(
    proxy: Proxy, tmp_path: Path, words: tuple[str, str], named: str
) -> None:
    first = backtest(proxy, "--answers", tmp_path)
    files = kept(tmp_path)
    other = backtest(proxy, "--answers", tmp_path, *words)
    assert (other.code, other.out) == (1, "")
    assert named in other.err
    assert "Tr0ub4dor" not in other.err
    assert kept(tmp_path) == files
    assert backtest(proxy, "--answers", tmp_path).json == first.json


def test_only_the_owner_may_read_what_is_kept(proxy: Proxy, cache: Path, tmp_path: Path) -> None:
    proxy.misbehave(says(400), when=lambda request: request.is_reading, skip=3)
    backtest(proxy)
    backtest(proxy, "--answers", tmp_path / "new" / "answers")
    folders = {file.parent for file in [*kept(cache), *kept(tmp_path / "new")]}
    assert len(folders) == 2
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_answers_that_cannot_be_kept_are_said(proxy: Proxy, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    in_the_way = tmp_path / "answers"
    (in_the_way / "plan.json").mkdir(parents=True)
    for folder in (file, file / "below", in_the_way):
        ran = backtest(proxy, "--answers", folder)
        assert (ran.code, ran.out) == (1, "")
        assert str(folder) in ran.err
        assert "--answers FOLDER" in ran.err


def test_a_disk_that_is_full_while_answers_come_is_said(proxy: Proxy, tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    # In the place of the file that is written first.
    (folder / "000000-003.answer.new").mkdir(parents=True)
    ran = backtest(proxy, "--answers", folder)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1].startswith(f"fleetleak: {folder} cannot be written: ")


def test_partial_answers_are_said(proxy: Proxy) -> None:
    proxy.misbehave(
        marked(warnings=["store 7 is away"]), when=lambda request: request.is_reading, skip=2, times=3
    )
    ran = backtest(proxy)
    assert "note: 3 answers lacked something: store 7 is away" in ran.err
    assert ran.json["notes"] == ["3 answers lacked something: store 7 is away"]


def test_without_owners_names_are_made_of_pods(proxy: Proxy) -> None:
    undisturbed = backtest(proxy).json
    proxy.misbehave(says(400, b"too old"), when=lambda request: request.path == "series")
    ran = backtest(proxy)
    assert "kube_pod_owner cannot be read, so names are made without it" in ran.err
    assert "too old" in ran.err
    assert ran.json["services"] == undisturbed["services"]


@pytest.fixture
def planned(proxy: Proxy, prometheus: RealPrometheus) -> Iterator[tuple[Api, Plan]]:
    """A plan of half a day with two restarts."""
    whole = Window(prometheus.begin + 24 * 3600, fleet.STEP, 777)
    with closing(Api(PrometheusSettings(url=proxy.url))) as api:
        yield api, made(api, whole, None, [])


def snapshots(api: Api, plan: Plan, folder: Path) -> list[Snapshot]:
    """Read a plan."""
    assembler, answers = Assembler(plan.presets()), Answers(folder, {})
    answers.keep_plan(plan)
    learn_infos(api, plan, (), answers, assembler, pytest.fail)
    return [
        snapshot
        for piece in pieces(api, plan, answers, concurrency=2)
        for snapshot in assembler.snapshots(piece.window, piece.readings)
    ]


@pytest.mark.parametrize("piece", [776, 388, 100, 7])
def test_the_size_of_pieces_changes_nothing(planned: tuple[Api, Plan], tmp_path: Path, piece: int) -> None:
    api, plan = planned
    whole = snapshots(api, plan, tmp_path / "whole")
    assert plan.piece == plan.steps
    assert len({one.started for one in whole if one.instance == "shop.cart-7d9f8c6b5-x2x4z.cart"}) > 1
    parts = snapshots(api, msgspec.structs.replace(plan, piece=piece), tmp_path / "parts")
    assert parts == whole


def test_a_piece_ends_where_the_time_ends(planned: tuple[Api, Plan]) -> None:
    plan = msgspec.structs.replace(planned[1], piece=100)
    windows = list(plan.pieces())
    assert [window.steps for window in windows] == [*7 * [100], 77]
    assert windows[-1].end == plan.whole.end
    assert all(a.end + fleet.STEP == b.begin for a, b in pairwise(windows))


def test_more_series_make_smaller_pieces(proxy: Proxy, prometheus: RealPrometheus) -> None:
    count = (
        b'{"status":"success","data":{"result":[{"metric":{},"values":[[%d,"50000"]]}]}}' % prometheus.begin
    )
    proxy.misbehave(says(200, count), when=lambda request: request.path == "query_range")
    with closing(Api(PrometheusSettings(url=proxy.url))) as api:
        plan = made(api, Window(prometheus.begin, 60, 5000), ["cadvisor"], [])
    # Not fewer than an hour: an answer would be nearly all labels.
    assert plan.piece == 60
    assert plan.points == 5000 * 50_000 * len(plan.asked)


def test_an_interruption_does_not_wait_for_a_slow_server(proxy: Proxy, planned: tuple[Api, Plan]) -> None:
    api, plan = planned
    proxy.misbehave(slow, when=lambda request: request.is_reading, skip=1)
    calls = [partial(api.range, plan.query(asked), plan.whole) for asked in plan.asked]
    results = ahead(calls, threads=2, most=4)
    next(results)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    assert time.monotonic() - began < 2


def test_ctrl_c_ends_the_command_at_once_and_it_goes_on_later(proxy: Proxy, tmp_path: Path) -> None:
    proxy.misbehave(slow, when=lambda request: request.is_reading, skip=2)
    words = [sys.executable, "-m", "fleetleak_app", "backtest", proxy.url, *SMALL, "--answers", str(tmp_path)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 30
        while sum(one.is_reading for one in proxy.requests) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert running.wait(20) == 130
        assert time.monotonic() - began < 5
        assert running.stderr is not None
        assert "Traceback" not in running.stderr.read()
    assert len(list(tmp_path.glob("0*.answer"))) == 2


def test_no_call_begins_after_an_interruption() -> None:
    begun: list[int] = []
    running, go_on = threading.Event(), threading.Event()

    def call(number: int) -> int:
        begun.append(number)
        if number == 1:
            running.set()
            go_on.wait(10)
        return number

    before = threading.active_count()
    results = ahead([partial(call, n) for n in range(9)], threads=1, most=4)
    assert next(results) == 0
    assert running.wait(5)
    results.close()  # type: ignore[attr-defined]
    go_on.set()
    wait_for_threads(before)
    assert begun == [0, 1]


def test_an_error_comes_in_its_turn() -> None:
    slowly = threading.Event()

    def first() -> str:
        slowly.wait(5)
        return "first"

    def second() -> str:
        slowly.set()
        raise ValueError("second")

    came: list[Any] = []
    with pytest.raises(ValueError, match="second"):
        came.extend(ahead([first, second, lambda: "third"], threads=2, most=3))
    assert came == ["first"]


@pytest.mark.parametrize(("threads", "most"), [(1, 0), (1, 3), (3, 1), (4, 100)])
def test_results_keep_their_order_and_few_wait(threads: int, most: int) -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def call(number: int) -> int:
        with lock:
            begun.append(number)
        time.sleep(0.002 * (number % 3))
        return number

    calls = [partial(call, n) for n in range(30)]
    came = []
    for result in ahead(calls, threads, most):
        came.append(result)
        with lock:
            assert len(begun) <= len(came) + most
    assert came == list(range(30))
