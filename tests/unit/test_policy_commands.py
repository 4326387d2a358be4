"""`fleetleak policy`: the rules in words, and other rules on recorded scores from a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from fleetleak.records import Score, encode
from fleetleak.records.alert import Severity
from fleetleak.stream.role import Output
from fleetleak_app.cli import EXIT_USAGE, main
from fleetleak_app.replay.comparing import Told, differences
from tests.sinks.support import calm, held, score

STRICT = """
[[rules]]
name = "shops"
severity = "low"
confidence = 0.2
where = { service = "shop-1" }

[[rules]]
name = "only long ones"
severity = "high"
kinds = ["linear"]
where = { service = "shop-2" }
needs = { sustained_seconds = { at_least = 86400 } }
silent = true

[[whitelist]]
where = { service = "shop-3" }
until = 2099-01-01
reason = "a cache"
"""


@pytest.fixture
def strict(tmp_path: Path) -> str:
    return written(tmp_path, "strict.toml", STRICT)


def written(directory: Path, name: str, text: str) -> str:
    (directory / name).write_text(text)
    return str(directory / name)


def recorded(directory: Path, scores: Sequence[Score], rubbish: str = "") -> str:
    lines = [encode(one).decode() for one in scores]
    return written(directory, "scores.jsonl", "\n".join([*lines, rubbish]) if rubbish else "\n".join(lines))


def fleet(count: int) -> list[Score]:
    """Return a leak of half an hour on each service, and a calm end."""
    return [
        replace(one, service=f"shop-{n}", instance=f"shop-{n}-0")
        for minute in range(60)
        for n in range(count)
        for one in [held(minute, onset=0.0) if minute < 30 else calm(minute, 0.1)]
    ]


def tried(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["policy", "test", "--json", *words]) == 0
    given: dict[str, object] = json.loads(capsys.readouterr().out)
    return given


def test_the_default_rules_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(
        "1. exponential, for exponential: critical; needs growth_in_window is at least"
    )
    assert "   confidence 0.9; 0.95 in production, prod, canary; 0.72 in development, dev" in lines
    assert all(len(line) <= 80 for line in lines)


def test_the_rules_of_a_file_come_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = '[targets.page]\nkind = "alertmanager"\nurls = ["http://secret"]\n'
    routes = page + '[[routes]]\ntargets = ["page"]\n'
    file = written(tmp_path, "p.toml", STRICT + routes + 'where = { severity = { at_least = "high" } }\n')
    assert main(["policy", "show", "--rules", file]) == 0
    said = capsys.readouterr().out
    assert "1. shops, for any kind where service is shop-1: low; else one step lower;" in said
    assert "sustained_seconds is at least 86400; else no alert" in " ".join(said.split())
    assert "- service is shop-3, until 1 Jan 00:00 UTC: a cache" in said
    assert "- page: alertmanager\n" in said
    assert "- severity is at least high: page" in said
    assert "secret" not in said
    assert main(["policy", "show", "--json", "--policy-file", file]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert [rule["name"] for rule in plain["rules"]][:3] == ["shops", "only long ones", "exponential"]
    assert plain["rules"][2]["thresholds"]["production"] == 0.95
    assert plain["targets"] == {"page": "alertmanager"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rules]]\nname = 'x'\nseverity = 'urgent'", "Invalid enum value 'urgent'"),
        ("[targets.a]\nkind = 'stdout'\n[[routes]]\ntargets = ['ghost']", "there is no target ghost"),
        ("[[rules]]\nname = 'x'\nseverity = 'low'\nkinds = ['round']", "there is no kind round"),
        ("[[routes]]\ntargets = ['a']\nwhere = { sevrity = 'low' }", "did you mean severity?"),
    ],
)
def test_a_policy_that_cannot_be_used_is_wrong_usage(
    text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "bad.toml", text)
    assert main(["policy", "show", "--rules", file]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    if "routes" not in text:
        scores = recorded(tmp_path, [score(0)])
        assert main(["policy", "test", "--rules", file, "--scores", scores]) == EXIT_USAGE


def test_an_unchanged_policy_makes_no_difference(
    tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = recorded(tmp_path, fleet(4))
    given = ["--policy-file", strict, "--rules", strict, "--scores", scores]
    assert tried(capsys, *given)["differences"] == []
    assert main(["policy", "test", *given]) == 0
    assert capsys.readouterr().out == "no difference: 2 alerts on 240 scores\n"


def test_what_appears_disappears_and_changes(
    tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = recorded(tmp_path, fleet(4))
    plain = tried(capsys, "--rules", strict, "--scores", scores)
    rows = plain["differences"]
    assert isinstance(rows, list)
    assert [(row["service"], row["change"], row["before"], row["after"]) for row in rows] == [
        ("shop-1", "severity", "medium", "low"),
        ("shop-2", "disappears", "medium", None),
        ("shop-3", "disappears", "medium", None),
    ]
    assert plain["alerts"] == {"before": 4, "after": 2}
    back = tried(
        capsys, "--policy-file", strict, "--rules", written(tmp_path, "none.toml", ""), "--scores", scores
    )
    assert isinstance(back["differences"], list)
    assert [row["change"] for row in back["differences"]] == ["severity", "appears", "appears"]


def test_the_table_fits_and_names_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = recorded(
        tmp_path, [replace(one, service=f"a/very/long/name/of/a/service/{one.service}") for one in fleet(60)]
    )
    file = written(
        tmp_path, "n.toml", '[[whitelist]]\nwhere = { kind = "linear" }\nuntil = 2099-01-01\nreason = "x"\n'
    )
    assert main(["policy", "test", "--rules", file, "--scores", scores]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 53
    assert lines[51] == "and 10 more (--json lists all)"
    assert lines[52].startswith("60 alerts before, 0 after; ")
    assert all(len(line) <= 80 for line in lines)
    ends = [line.split()[0][-2:] for line in lines[1:51]]
    assert ends[:4] == ["-0", "-1", "10", "11"]


def test_lines_that_are_no_scores_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = recorded(tmp_path, fleet(1), rubbish="hello\n{}")
    file = written(tmp_path, "none.toml", "")
    assert main(["policy", "test", "--rules", file, "--scores", scores]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("no difference: 1 alerts on 60 scores")
    assert "2 lines of" in err
    assert "the first: line 61: " in err


def test_scores_may_be_parquet(tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("fleetleak_app.replay.parquet")
    with parquet.to_parquet(file := str(tmp_path / "scores.parquet")) as write:
        write([encode(one) for one in fleet(3)])
    plain = tried(capsys, "--rules", strict, "--scores", file)
    assert plain == tried(capsys, "--rules", strict, "--scores", recorded(tmp_path, fleet(3)))
    assert plain["scores"] == 180
    broken = written(tmp_path, "broken.parquet", "x" * 100)
    assert main(["policy", "test", "--rules", strict, "--scores", broken]) == 1
    err = capsys.readouterr().err
    assert "is no Parquet file of scores" in err
    assert err.count("\n") == 1


def test_what_cannot_be_tested_is_said_in_one_line(
    tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, told in [
        (["--scores", "x"], "policy test needs the new policy file: --rules FILE"),
        (
            ["--rules", strict, "--scores", str(tmp_path / "none")],
            "cannot be read: No such file or directory",
        ),
        (["--rules", strict, "--scores", written(tmp_path, "empty", "")], "there are no scores in "),
    ]:
        assert main(["policy", "test", *words]) == 1
        err = capsys.readouterr().err
        assert told in err
        assert err.count("\n") == 1


def told(*given: tuple[str, str, float, Severity]) -> Told:
    """Return transitions: key, state, time, severity."""
    made = Told()
    for key, state, time, severity in given:
        value = {"key": key, "service": "s", "state": state, "time": time, "severity": severity}
        made.add([Output("alerts", key.encode(), json.dumps(value).encode())])
    return made


def test_alerts_are_the_same_if_their_times_overlap() -> None:
    one = told(("a", "firing", 0.0, "low"), ("a", "resolved", 10.0, "low"), ("b", "firing", 20.0, "low"))
    split = told(
        ("x", "firing", 5.0, "low"), ("x", "resolved", 6.0, "low"), ("y", "firing", 8.0, "low"),
        ("y", "resolved", 12.0, "low"), ("z", "firing", 30.0, "low"), ("z", "updated", 31.0, "high"),
    )  # fmt: skip
    (changed,) = differences(one, split)
    assert (changed.change, changed.since, changed.until) == ("severity", 20.0, None)
    assert (changed.before, changed.after) == ("low", "high")
    late = told(("x", "firing", 11.0, "low"), ("x", "resolved", 19.0, "low"), ("b", "firing", 20.0, "low"))
    assert [d.change for d in differences(one, late)] == ["disappears", "appears"]
