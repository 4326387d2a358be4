"""`fleetleak evaluate`: how well leaks are found on labelled cases, by the product and by its rivals."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fleetleak.settings import Loaded
from fleetleak_app.cli import CommandFailed
from fleetleak_app.cli.extras import needs
from fleetleak_app.reading import Notes
from fleetleak_app.tables import render

if TYPE_CHECKING:
    from fleetleak_app.evaluation.cases import Case
    from fleetleak_app.evaluation.scorer import Report

HELP = "judge the detector on labelled cases, beside predict_linear, Coroot's rule and other rivals"
SECTIONS = ("log",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument(
        "cases", nargs="?", type=Path,
        help="directory with cases.json and cases.parquet or cases.csv; without it the synthetic scenarios",
    )  # fmt: skip
    parser.add_argument("--rivals", action="store_true", help="judge the rivals too; takes minutes")
    parser.add_argument("--json", action="store_true", help="one line of JSON with every figure")
    parser.add_argument("--markdown", action="store_true", help="tables with every column, in Markdown")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Judge and print."""
    with needs("processor"):
        from fleetleak_app.evaluation import product, rivals_table, synthetic, table
    cases = _cases(arguments.cases) if arguments.cases else synthetic.all_cases()
    snapshots = product.of_cases(cases) if arguments.cases else product.of_scenarios()
    alerts = {product.NAME: product.alerts(snapshots, _progress)}
    if arguments.rivals:
        alerts |= rivals_table.run(cases)
    results = rivals_table.judge(cases, alerts)
    if arguments.json:
        print(json.dumps(table.plain(results)))
    elif arguments.markdown:
        print(table.as_markdown(results, product.NAME))
    else:
        print(for_people(results, product.NAME))
    return 0


def _cases(directory: Path) -> list[Case]:
    """Read the cases of a directory; print on stderr how its samples were understood.

    Raises
    ------
    CommandFailed
        If they cannot be read, or there are none.
    """
    from fleetleak_app.evaluation.cases import load_directory

    notes = Notes()
    try:
        cases = load_directory(directory, notes)
    except OSError as error:
        raise CommandFailed(f"{error.filename}: {error.strerror}") from None
    except ValueError as error:
        raise CommandFailed(f"the cases in {directory} cannot be read: {error}") from None
    if not cases:
        raise CommandFailed(f"{directory} holds no cases: cases.json names no series")
    for line in notes.lines():
        print(f"note: {line}", file=sys.stderr)
    if notes.left:
        print(f"left out: {notes.reasons()}", file=sys.stderr)
    return cases


def for_people(results: Mapping[str, Report], ours: str) -> str:
    """Return tables for a terminal: figures of `ours` one per line, the detectors, the parts of `ours`."""
    from fleetleak_app.evaluation import table

    blocks = [render(table.figures(results[ours]), {"figure": "", "value": ours})]
    if len(results) > 1:
        blocks.append(render(table.rows(results), dict(zip(table.SHORT, table.SHORT, strict=True))))
    for title in ("group", "kind", "rate"):
        parts = table.part_rows(getattr(results[ours], f"by_{title}"))
        blocks.append(render(parts, {"part": f"by {title}", **table.PART_COLUMNS}))
    return "\n\n".join(blocks)


def _progress(share: float) -> None:
    print(f"\r{share:.0%}", end="" if share < 1 else "\n", file=sys.stderr, flush=True)
