"""`fleetleak backtest`: what it refuses, and what it prints for people."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.backtest import fleet
from tests.backtest.proxy import Proxy, empty, proxied
from tests.backtest.series import (
    BEGIN,
    LABELS,
    Labels,
    Sample,
    dump,
    limits,
    openmetrics,
    rising,
    ticks,
    written,
)
from tests.backtest.support import Ran, cache, fleetleak

__all__ = ["cache"]

MIB = 2**20


def refused(*arguments: object, code: int = 1) -> str:
    """Return why a backtest is refused: the last line of stderr."""
    ran = fleetleak("backtest", *arguments)
    assert (ran.code, ran.out) == (code, "")
    return ran.err.splitlines()[-1]


def test_no_data_says_what_was_looked_for() -> None:
    with proxied(empty) as proxy:
        line = refused(proxy.url)
        for metric in (
            "container_memory_working_set_bytes", "process_resident_memory_bytes", "node_memory_", "windows_",
        ):  # fmt: skip
            assert metric in line
        assert "--since" in line
        assert "--match" in line
        only = refused(proxy.url, "--preset", "process")
    assert "process_resident_memory_bytes" in only
    assert "container_memory" not in only
    assert "goes on" not in f"{line}{only}"


def test_a_preset_that_does_not_exist() -> None:
    line = refused("http://127.0.0.1:1", "--preset", "node,cadviser", code=2)
    assert "there is no preset cadviser: choose auto, or from cadvisor, process, node, windows" in line


@pytest.mark.parametrize("words", ["namespace", "{a=b}", 'a="b" c="d"', 'a=~"("', '{a="b"', "=", 'a="b",,'])
def test_matchers_that_are_none(words: str) -> None:
    line = refused("http://127.0.0.1:1", "--match", words, code=2)
    assert words in line


def test_an_address_and_files_are_not_mixed(tmp_path: Path) -> None:
    file = written(tmp_path, dump(rising(ticks(5))))
    for sources in (("http://127.0.0.1:1", file), ("http://127.0.0.1:1", "https://127.0.0.1:2")):
        assert "give one address, or files" in refused(*sources)


def test_without_a_source_the_setting_is_named() -> None:
    assert "prometheus.url" in refused(code=2)


def test_the_address_may_be_a_setting() -> None:
    with proxied(empty) as proxy:
        assert proxy.url in refused("--prometheus-url", proxy.url)
        assert proxy.requests


def test_a_login_in_the_address_is_not_repeated() -> None:
    line = refused("http://reader:Tr0ub4dor@127.0.0.1:1", code=2)
    assert "prometheus.password_file" in line
    assert "Tr0ub4dor" not in line


@pytest.mark.parametrize(
    "words", [("--since", "0d"), ("--since", "month"), ("--step", "0s"), ("--step", "-1m")]
)
def test_times_that_are_none_are_wrong_usage(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        fleetleak("backtest", "http://127.0.0.1:1", *words)
    assert ended.value.code == 2


@pytest.mark.parametrize("words", [("--limit", "much"), ("--total", "4 apples"), ("--columns", "a")])
def test_options_that_cannot_be_used_are_named(words: tuple[str, str]) -> None:
    assert words[0] in refused("http://127.0.0.1:1", *words)


def test_a_time_shorter_than_a_step_is_one_step(proxy: Proxy) -> None:
    ran = fleetleak("backtest", proxy.url, "--since", "30s", "--step", "1h", "--json")
    assert ran.code == 1 or ran.json["begin"] == ran.json["end"]
    assert {one.steps for one in proxy.requests if one.path == "query_range"} == {1}


@pytest.mark.parametrize("name", ["absent/report.html", "", "file/report.html"])
def test_a_report_that_cannot_be_written_is_said_before_anything_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with proxied(empty) as proxy:
        line = refused(proxy.url, "--report", tmp_path / name)
        assert proxy.requests == []
    assert f"{tmp_path / name} cannot be written" in line


def test_a_report_that_fails_at_the_end_does_not_hide_the_result(tmp_path: Path) -> None:
    (tmp_path / "report.html.new").mkdir()  # in the place of what is written first
    file, report = written(tmp_path, dump(rising(ticks(9)))), tmp_path / "report.html"
    ran = fleetleak("backtest", file, "--limit", "1GiB", "--report", report)
    assert ran.code == 1
    assert "fleetleak would have raised no alert" in ran.out
    assert ran.err.splitlines()[-1] == f"fleetleak: {report} cannot be written: Is a directory"


def test_a_report_may_go_into_a_pipe(tmp_path: Path) -> None:
    """It stands for all that is no file, such as /dev/stdout: a file must not take its place."""
    reader, writer = os.pipe()
    with open(reader, encoding="utf-8") as out, open(writer, "w"):
        ran_on(tmp_path, rising(ticks(9)), "--limit", "1GiB", "--report", f"/dev/fd/{writer}")
        assert out.readline().startswith("<!doctype html>")


def test_a_report_goes_where_a_link_points(tmp_path: Path) -> None:
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    real.write_text("before")
    link.symlink_to(real)
    ran_on(tmp_path, rising(ticks(9)), "--limit", "1GiB", "--report", link)
    assert link.is_symlink()
    assert real.read_text().startswith("<!doctype html>")


def leak(samples: int, first: float = 120, last: float = 460, labels: Labels | None = None) -> list[Sample]:
    """Return a leak with noise, and its limit of 512 MiB, from BEGIN on."""
    grown = rising(ticks(samples), first, (last - first) / samples, labels)
    noisy = [
        (metric, own, time, value + 2 * MIB * fleet.wobble(number, 1))
        for number, (metric, own, time, value) in enumerate(grown)
    ]
    return [*noisy, *limits(ticks(samples), labels)]


def steady(samples: int, labels: Labels | None = None) -> list[Sample]:
    """Return memory that stays as it is."""
    return leak(samples, 200, 200, labels)


def ran_on(folder: Path, samples: Iterable[Sample], *more: object) -> Ran:
    ran = fleetleak("backtest", written(folder, dump(samples)), *more)
    assert ran.code == 0, ran.err
    return ran


@pytest.fixture(scope="module")
def alerted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Ran]:
    """The same history, for people and as JSON."""
    folder = tmp_path_factory.mktemp("alerted")
    samples = [*leak(2880, labels={"pod": "cart-0", "container": "cart"}), *steady(2880)]
    return ran_on(folder, samples), ran_on(folder, samples, "--json")


def test_an_alert_for_people(alerted: tuple[Ran, Ran]) -> None:
    lines = alerted[0].out.splitlines()
    assert lines[0].endswith(": 21 Sep 14:14 UTC to 23 Sep 14:13 UTC, every 60 s")
    assert lines[1] == "5,760 samples of 2 containers; 2 services, 4.0 series-days"
    assert lines[2] == "little is known of a service in its first days: judge a fleet by two weeks or more"
    assert lines[4] == "fleetleak would have raised 1 alert:"
    (head,) = [line for line in lines if re.search(r"  shop/cart/cart  ", line)]
    assert re.fullmatch(
        r"  2\d Sep \d\d:\d\d UTC  \w+( \(\w+ after \S+ \w+\))?  shop/cart/cart  "
        r"[a-z-]+, \S+ \w+ left \(\S+ \w+ to \S+ \w+\)",
        head,
    )
    (bars,) = [line.strip() for line in lines if "▁" in line]
    assert "|" in bars
    assert set(bars) <= set("▁▂▃▄▅▆▇█|")
    assert bars.index("▁") < bars.index("█")
    assert "then: it was firing still when the data ended" in " ".join(alerted[0].out.split())
    (alert,) = alerted[1].json["alerts"]
    assert alert["firing"]["severity"] in head
    assert alert["ended"] is None


def test_a_table_for_people(alerted: tuple[Ran, Ran]) -> None:
    out = alerted[0].out
    (ours,) = [line for line in out.splitlines() if re.match(r"fleetleak +\d", line)]
    assert re.fullmatch(r"fleetleak +1 +3\.5 +25\.01 +\d+\.\d% +0 of 0 +-", ours.rstrip())
    names = [row["name"] for row in alerted[1].json["detectors"]]
    assert names == [
        "fleetleak",
        "over 80 % for 15 min",
        "predict_linear 6 h -> 4 d, over 70 %",
        "Coroot's rule (5 % an hour)",
    ]
    # A long name is shortened in its middle.
    assert [bool(re.search(f"^{name[:6]}.+ +\\d", out, re.MULTILINE)) for name in names] == 4 * [True]
    assert alerted[1].json["detectors"][0]["fired"] == 1


def test_what_stayed_silent_for_people(alerted: tuple[Ran, Ran]) -> None:
    assert "it stayed silent on 1 service" in alerted[0].out
    assert [one["service"] for one in alerted[1].json["silent"]] == ["shop/web/web"]


def test_without_counters_kills_are_not_known(alerted: tuple[Ran, Ran]) -> None:
    assert (
        "OOM kills of containers and processes are not known: no counter of them in this data"
        in alerted[0].out
    )
    assert alerted[1].json["oom_kills"] == []


def test_without_an_alert(tmp_path: Path) -> None:
    count = [("container_oom_events_total", LABELS, time, 0.0) for time in ticks(60)]
    out = ran_on(tmp_path, [*steady(60), *count]).out
    assert "fleetleak would have raised no alert" in out
    assert "it stayed silent on 1 service" in out
    assert "no OOM kill in this time" in out
    assert "0 of 0" in out


def test_a_kill_that_nobody_warned_of(tmp_path: Path) -> None:
    count = [("container_oom_events_total", LABELS, time, float(time > BEGIN + 1800)) for time in ticks(60)]
    ran = ran_on(tmp_path, [*steady(60), *count])
    assert "1 OOM kill, 0 of them warned of:" in ran.out
    assert "shop.web-0.web  not warned of" in ran.out
    assert "0 of 1" in ran.out


def test_services_without_a_limit_are_said(tmp_path: Path) -> None:
    ran = ran_on(tmp_path, [*rising(ticks(60)), *steady(60, {"pod": "db-0", "container": "db"})])
    words = " ".join(ran.out.split())
    assert (
        "nothing can be said of 1 service without a limit, of which no memory of the host is known" in words
    )
    assert "--limit 4GiB gives one: shop/web/web" in words
    judged = ran_on(tmp_path, rising(ticks(60)), "--limit", "512MiB", "--json")
    assert judged.json["unjudged"] == []


class Page(HTMLParser):
    """The tags of a page, and its text outside of pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_names_are_escaped_in_the_report(tmp_path: Path) -> None:
    """A name of a label may be anything."""
    name = "<b>&\"'<script>$a_{$"
    rows = "".join(
        f'"{name.replace(chr(34), 2 * chr(34))}",{time:.0f},{value:.0f},{512 * MIB}\n'
        for _, _, time, value in leak(2880)[:2880]
    )
    file = written(tmp_path, f"service,timestamp,used,total\n{rows}", "<i>.csv")
    ran = fleetleak("backtest", file, "--report", tmp_path / "report.html")
    assert ran.code == 0, ran.err
    page = Page((tmp_path / "report.html").read_text())
    assert "svg" in page.tags
    assert not page.tags & {"b", "i", "script"}
    assert f"  {name}  " in page.words
    assert "<i>.csv" in page.words


def test_names_of_pods_are_escaped_in_the_report(tmp_path: Path) -> None:
    own = LABELS | {"namespace": "<b>", "pod": "<s>-0"}
    count = [("container_oom_events_total", own, time, float(time > BEGIN + 1800)) for time in ticks(60)]
    samples = [*steady(60, own), *count]
    ran_on(tmp_path, samples, "--report", tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert not page.tags & {"b", "s"}
    assert "<b>.<s>-0.web" in page.words


def test_control_characters_of_labels_are_not_printed(tmp_path: Path) -> None:
    """A terminal would obey them."""
    own = LABELS | {"pod": "web\x1b[31m-0"}
    count = [("container_oom_events_total", own, time, float(time > BEGIN + 1800)) for time in ticks(60)]
    ran = ran_on(
        tmp_path, [*steady(60, own), *count, *rising(ticks(60)[:9], labels={"namespace": "\x1b[2J"})]
    )
    for words in (ran.out, ran.err):
        assert [sign for sign in words if not sign.isprintable() and sign != "\n"] == []


def test_ten_thousand_instances(tmp_path: Path) -> None:
    def samples() -> Iterable[Sample]:
        for number in range(10_000):
            own = {"namespace": f"n{number % 50}", "pod": f"web-{number}", "container": f"c{number % 200}"}
            yield from rising(ticks(6), 100 + number % 300, labels=own)
            yield from limits(ticks(1), own)

    ran = fleetleak("backtest", written(tmp_path, openmetrics(samples())), "--json")
    found: dict[str, Any] = ran.json
    assert (found["samples"], found["instances"]) == (60_000, 10_000)
    assert (found["unjudged"], found["unreadable"], found["alerts"]) == ([], 0, [])
