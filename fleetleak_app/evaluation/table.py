"""Results as tables: in Markdown with one line per detector, and as rows for a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from fleetleak_app.evaluation.scorer import Intervals, Report, Summary

Column = tuple[str, Callable[[Report], str]]


def render(results: Mapping[str, Report]) -> str:
    """Return a Markdown table: one line per detector, with its overall figures and those of the groups.

    Brackets hold 95 % bootstrap intervals where the report has them.
    """
    lines = [[name, *(cell(report) for _, cell in COLUMNS)] for name, report in results.items()]
    return markdown(["detector", *(title for title, _ in COLUMNS)], lines)


def render_parts(parts: Mapping[str, Summary], intervals: Mapping[str, Intervals] | None = None) -> str:
    """Return a Markdown table: one line per part (group, tag, kind or rate) of one detector."""
    titles = ["part", "leaks", "recall", "precision", "F1", "false alarms", "per 100 days", "lead (miss 0)"]
    titles += ["lead p10", "delay h", "kind", "ETA coverage", "ETA width"]
    known = intervals or {}
    return markdown(titles, ([name, *_part(summary, known.get(name, {}))] for name, summary in parts.items()))


def as_markdown(results: Mapping[str, Report], ours: str) -> str:
    """Return every table in Markdown: the detectors, then the parts of one of them."""
    report = results[ours]
    blocks = [render(results)]
    for title in ("group", "kind", "rate"):
        parts = render_parts(getattr(report, f"by_{title}"), report.part_intervals.get(title))
        blocks.append(f"by {title}\n{parts}")
    return "\n".join(blocks)


def figures(report: Report) -> list[dict[str, str]]:
    """Return one detector's overall figures, one per row."""
    return [{"figure": title, "value": cell(report)} for title, cell in COLUMNS]


def rows(results: Mapping[str, Report]) -> list[dict[str, str]]:
    """Return the figures that differ most between detectors, one detector per row."""
    return [
        {"detector": name, **{short: _bare(cells[title](report)) for short, title in SHORT.items() if title}}
        for name, report in results.items()
        for cells in [dict(COLUMNS)]
    ]


def _bare(cell: str) -> str:
    return cell.partition(" ")[0]


def part_rows(parts: Mapping[str, Summary]) -> list[dict[str, str]]:
    """Return the figures of the parts of one detector, one part per row."""
    return [{"part": name, **_figures_of(part)} for name, part in parts.items()]


def _figures_of(part: Summary) -> dict[str, str]:
    return {field: number(getattr(part, field)) for field in PART_COLUMNS} | {"leaks": f"{part.leaks}"}


def _part(s: Summary, intervals: Intervals) -> list[str]:
    def cell(name: str, digits: int = 2) -> str:
        return _with_interval(number(getattr(s, name), digits), intervals.get(name), digits)

    counts = [f"{s.leaks}", cell("recall"), cell("precision"), cell("f1")]
    alarms = [f"{s.false_alarms}", cell("false_alarms_per_100_days", 1)]
    early = [cell("lead_all"), cell("lead_p10"), cell("delay_hours", 1)]
    return counts + alarms + early + [cell("kind_accuracy"), cell("eta_coverage"), cell("eta_width")]


def _with_interval(text: str, interval: tuple[float, float] | None, digits: int) -> str:
    if text == "-" or interval is None:
        return text
    low, high = interval
    return f"{text} [{number(low, digits)}, {number(high, digits)}]"


def number(value: float, digits: int = 2) -> str:
    """Return a figure as text; a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def markdown(titles: list[str], lines: Iterable[list[str]]) -> str:
    """Return a Markdown table."""
    rule = ["---"] * len(titles)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [titles, rule, *lines])


def plain(value: Any) -> Any:
    """Return results as values of JSON: dataclasses as objects, NaN as null."""
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

SHORT = {
    "detector": "",
    "recall": "recall",
    "precision": "precision",
    "F1": "F1",
    "natural": "false alarms natural",
    "hard": "false alarms hard",
    "lead": "lead, all leaks (miss 0)",
    "real": "recall real",
}
"""Columns of the short table of detectors: by title, the column of `COLUMNS`."""

PART_COLUMNS = {
    "leaks": "leaks",
    "recall": "recall",
    "lead_all": "lead",
    "delay_hours": "delay h",
    "kind_accuracy": "kind",
    "eta_coverage": "coverage",
    "eta_width": "width",
}
"""Columns of a table of parts: by field of `Summary`, the title."""
