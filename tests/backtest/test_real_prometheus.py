"""`fleetleak backtest` on a real Prometheus: it finds what is planted, exactly as `replay` does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.backtest import fleet
from tests.backtest.real import RealPrometheus
from tests.backtest.support import Ran, cache, fleetleak, stop_clock

__all__ = ["cache"]

SINCE = ("--since", f"{fleet.DAYS:g}d")


@pytest.fixture(scope="module")
def ran(prometheus: RealPrometheus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    """A backtest of everything, with its report."""
    folder = tmp_path_factory.mktemp("backtest")
    answers = folder / "answers"
    report = folder / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        stop_clock(patch, fleet.newest(prometheus.begin))
        return fleetleak(
            "backtest", prometheus.url, *SINCE, "--json", "--report", report, "--answers", answers
        ), folder


@pytest.fixture(scope="module")
def found(ran: tuple[Ran, Path]) -> dict[str, Any]:
    return ran[0].json


def test_it_finds_the_planted_leak_and_nothing_else(found: dict[str, Any]) -> None:
    assert {alert["firing"]["service"] for alert in found["alerts"]} == {fleet.LEAKING}
    assert {one["service"] for one in found["silent"]} == fleet.SERVICES - {fleet.LEAKING}
    assert found["unjudged"] == []


def test_it_knows_the_oom_kills_and_how_long_before_it_warned(found: dict[str, Any]) -> None:
    # Both pods restart; kube-state-metrics says why, since the series of cAdvisor end with their container.
    assert len(found["oom_kills"]) == 6
    leads = [kill["warned_seconds_before"]["fleetleak"] for kill in found["oom_kills"]]
    assert all(lead > 3600 for lead in leads)
    # A lead does not go back beyond the run that was killed: each lasts about 35 hours.
    assert max(leads) < 40 * 3600


def test_the_usual_rules_are_beside_it(found: dict[str, Any]) -> None:
    ours, full, linear, coroot = found["detectors"]
    assert full["name"].startswith("over 80 %")
    assert linear["name"].startswith("predict_linear")
    assert linear["fired"] > ours["fired"] == 1
    # The leak is slower than 5 % of the limit an hour.
    assert (coroot["fired"], coroot["warned"]) == (0, 0)
    # A rule ends with the memory, at the restart; the kill is told two scrapes later, and was warned of.
    assert linear["warned"] == ours["warned"] == 6
    assert 0 < linear["firing"] < ours["firing"] < 0.5
    assert found["series_days"] == pytest.approx(6 * fleet.DAYS, rel=0.01)


def test_the_same_alerts_come_from_a_replay_of_the_same_series(
    found: dict[str, Any], prometheus: RealPrometheus, tmp_path: Path
) -> None:
    """The snapshots of the replay are made here, from the fleet itself, without presets."""
    recording = tmp_path / "fleet.jsonl"
    snapshots = [one for one in cart_snapshots(prometheus.begin) if one["timestamp"] >= found["begin"]]
    recording.write_text("".join(f"{json.dumps(one)}\n" for one in snapshots))
    replayed = fleetleak("replay", recording, "--json").json["alerts"]
    backtested = [alert["firing"] for alert in found["alerts"]]
    assert [bare(one) for one in replayed if one["state"] == "firing"] == [*map(bare, backtested)]


def bare(alert: dict[str, Any]) -> dict[str, Any]:
    """Return an alert without what depends on the place of its record in the input."""
    return {name: value for name, value in alert.items() if name != "input_offset"}


def cart_snapshots(begin: int) -> list[dict[str, Any]]:
    snapshots = []
    for tick in range(int(fleet.DAYS * 86400 / fleet.STEP)):
        for seed, container in enumerate(fleet.CART, 1):
            life = fleet.leaking(tick, begin, seed)
            memory, file = round(life.memory), 8 * fleet.MIB
            snapshots.append({
                "schema": "snapshot/1", "service": fleet.LEAKING, "scope": "container", "host": "node-a",
                "instance": f"shop.{container.pod}.cart", "timestamp": float(begin + tick * fleet.STEP),
                "version": "1.4.2", "started": float(life.started),
                "anon": memory, "file": file, "used": memory + file,
                "working_set": round(life.memory + file / 2), "limit": fleet.LIMIT, "total": fleet.LIMIT,
                "limit_used": round(life.memory + file / 2),
                "labels": {"namespace": "shop", "pod": container.pod, "container": "cart"},
            })  # fmt: skip
    return snapshots


def test_the_report_is_one_file_that_needs_no_network(ran: tuple[Ran, Path]) -> None:
    page = (ran[1] / "report.html").read_text()
    assert fleet.LEAKING in page
    assert "<svg" in page
    assert not re.search(r"(?:src|href)=[\"'](?!#)", page)
    assert not re.search(r"url\((?!#)|@import|<script", page)
    assert len(page) < 200_000


def test_answers_that_are_kept_serve_another_run(
    ran: tuple[Ran, Path], found: dict[str, Any], prometheus: RealPrometheus
) -> None:
    again = fleetleak(
        "backtest", prometheus.url, *SINCE, "--json", "--answers", ran[1] / "answers",
        "--alerting-confirmations", "1000",
    )  # fmt: skip
    assert "goes on" in again.err
    (later,), (first,) = again.json["alerts"], found["alerts"]
    assert later["firing"]["time"] > first["firing"]["time"] + 3600
    assert again.json["begin"] == found["begin"]


@pytest.mark.parametrize("form", ["dump", "openmetrics", "answers"])
def test_files_give_the_same_as_the_server(
    found: dict[str, Any], prometheus: RealPrometheus, tmp_path: Path, form: str
) -> None:
    # The server was asked a little later, and so without the first steps.
    begin = int(found["begin"])
    files = {"dump": dumped, "openmetrics": original, "answers": answered}[form](prometheus, begin, tmp_path)
    read = fleetleak("backtest", *files, "--json", "--step", "60s").json
    assert [one["firing"]["time"] for one in read["alerts"]] == [
        one["firing"]["time"] for one in found["alerts"]
    ]
    assert [one["time"] for one in read["oom_kills"]] == [one["time"] for one in found["oom_kills"]]
    assert {one["service"] for one in read["silent"]} == {one["service"] for one in found["silent"]}


def dumped(prometheus: RealPrometheus, begin: int, folder: Path) -> list[Path]:
    """Return what `promtool tsdb dump` prints."""
    file = folder / "dump.txt"
    with file.open("w") as out:
        promtool, data = str(prometheus.promtool), str(prometheus.data)
        command = [promtool, "tsdb", "dump", f"--min-time={begin * 1000}", data]
        subprocess.run(command, check=True, stdout=out, timeout=120)
    return [file]


def original(prometheus: RealPrometheus, begin: int, folder: Path) -> list[Path]:
    """Return the samples as OpenMetrics."""
    file = folder / "fleet.om"
    samples = (sample for sample in fleet.samples(prometheus.begin) if sample.time >= begin)
    file.write_text("".join(f"{sample.line()}\n" for sample in samples) + "# EOF\n")
    return [file]


def answered(prometheus: RealPrometheus, begin: int, folder: Path) -> list[Path]:
    """Return answers of the API, one file for each metric."""
    import urllib.parse
    import urllib.request

    files = []
    metrics = dict.fromkeys(sample.metric for sample in fleet.samples(prometheus.begin, days=0.001))
    metrics["kube_pod_container_status_last_terminated_reason"] = None
    for metric in metrics:
        end = prometheus.begin + int(fleet.DAYS * 86400)
        asked = urllib.parse.urlencode(
            {"query": f"last_over_time({metric}[59s])", "start": begin, "end": end, "step": 60}
        )
        with urllib.request.urlopen(f"{prometheus.url}/api/v1/query_range?{asked}") as answer:  # noqa: S310
            file = folder / f"{metric}.json"
            file.write_bytes(answer.read())
            files.append(file)
    return files
