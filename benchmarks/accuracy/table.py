"""Results as a Markdown table, one detector a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.accuracy.scorer import Intervals, Report, Summary

Column = tuple[str, Callable[[Report], str]]


def render(results: Mapping[str, Report]) -> str:
    """Give the overall figures of each detector with their groups' as columns, in Markdown.

    Brackets hold 95 % bootstrap intervals where the report has them.
    """
    lines = [[name, *(cell(report) for _, cell in COLUMNS)] for name, report in results.items()]
    return markdown(["detector", *(title for title, _ in COLUMNS)], lines)


def render_parts(parts: Mapping[str, Summary], intervals: Mapping[str, Intervals] | None = None) -> str:
    """Give one line a part (group, tag, kind or rate) of one detector, in Markdown; intervals in brackets."""
    titles = ["part", "leaks", "recall", "precision", "F1", "false alarms", "per 100 days", "lead (miss 0)"]
    titles += ["lead p10", "delay h", "kind", "ETA coverage", "ETA width"]
    known = intervals or {}
    return markdown(titles, ([name, *_part(summary, known.get(name, {}))] for name, summary in parts.items()))


def _part(s: Summary, intervals: Intervals) -> list[str]:
    def cell(name: str, digits: int = 2) -> str:
        return _with_interval(number(getattr(s, name), digits), intervals.get(name), digits)

    found = [f"{s.leaks}", cell("recall"), cell("precision"), cell("f1")]
    alarms = [f"{s.false_alarms}", cell("false_alarms_per_100_days", 1)]
    early = [cell("lead_all"), cell("lead_p10"), cell("delay_hours", 1)]
    return found + alarms + early + [cell("kind_accuracy"), cell("eta_coverage"), cell("eta_width")]


def _with_interval(text: str, interval: tuple[float, float] | None, digits: int) -> str:
    if text == "-" or interval is None:
        return text
    low, high = interval
    return f"{text} [{number(low, digits)}, {number(high, digits)}]"


def number(value: float, digits: int = 2) -> str:
    """Give a figure, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def markdown(titles: list[str], lines: Iterable[list[str]]) -> str:
    """Lay out a table."""
    rule = ["---"] * len(titles)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [titles, rule, *lines])


def plain(value: Any) -> Any:
    """Give results as JSON knows them: dataclasses as objects, nan as null."""
    if isinstance(value, Report):
        value = asdict(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _overall(name: str, digits: int = 2) -> Callable[[Report], str]:
    def cell(report: Report) -> str:
        return _with_interval(
            number(getattr(report.overall, name), digits), report.intervals.get(name), digits
        )

    return cell


def _group(group: str, name: str, digits: int = 2) -> Callable[[Report], str]:
    def cell(report: Report) -> str:
        summary = report.by_group.get(group)
        return number(getattr(summary, name), digits) if summary else "-"

    return cell


COLUMNS: tuple[Column, ...] = (
    ("recall", _overall("recall")),
    ("precision", _overall("precision")),
    ("F1", _overall("f1")),
    ("false alarms / 100 clean series-days", _overall("false_alarms_per_100_days", 1)),
    ("lead, all leaks (miss 0)", _overall("lead_all")),
    ("lead, found", _overall("lead")),
    ("lead p10", _overall("lead_p10")),
    ("kind", _overall("kind_accuracy")),
    ("ETA coverage", _overall("eta_coverage")),
    ("ETA width", _overall("eta_width")),
    ("recall real", _group("real", "recall")),
    ("recall injected", _group("injected", "recall")),
    ("recall synthetic", _group("synthetic", "recall")),
    ("recall slow", lambda report: number(report.slow.recall)),
    ("false alarms natural", _group("clean natural", "false_alarms_per_100_days", 1)),
    ("false alarms hard", _group("clean hard", "false_alarms_per_100_days", 1)),
)
