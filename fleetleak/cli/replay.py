"""`fleetleak replay`: recorded series through the very code of processors and sinks."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO

from fleetleak.cli import CommandFailed
from fleetleak.replay.drive import Outputs, drive
from fleetleak.replay.sources import BadRecording, Recording, parse_mapping, read
from fleetleak.settings import Loaded, Settings

HELP = "send recorded series (CSV, Parquet) through scoring and alerting, without Kafka"
SECTIONS = ("processor", "alerting", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="CSV or Parquet; columns by snapshot field names"
    )
    parser.add_argument("--columns", default="", metavar="FIELD=COLUMN,...", help="where the names differ")
    parser.add_argument("--alerts", metavar="FILE", help="write transitions as JSON lines; - for stdout")
    parser.add_argument("--scores", metavar="FILE", help="write scores as JSON lines")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Replay and write what came out."""
    try:
        recording = read(arguments.files, parse_mapping(arguments.columns))
    except BadRecording as error:
        raise CommandFailed(str(error)) from None
    begun = time.monotonic()
    alerts = rejected = 0
    with contextlib.ExitStack() as stack:
        to_alerts, to_scores = (_open(stack, name) for name in (arguments.alerts, arguments.scores))
        for found in replay(recording, loaded.settings, _progress(len(recording))):
            _write(to_alerts, [o.value for o in found.alerts])
            _write(to_scores, [o.value for o in found.scores])
            alerts += len(found.alerts)
            rejected += len(found.rejected)
            if found.rejected:
                print(f"\nunreadable: {found.rejected[0]}", file=sys.stderr)
    seconds = time.monotonic() - begun
    print(
        f"{len(recording)} snapshots, {rejected} unreadable, {alerts} alert transitions, {seconds:.1f} s",
        file=sys.stderr,
    )
    return 0


def replay(recording: Recording, settings: Settings, progress: Callable[[float], None]) -> Iterator[Outputs]:
    """Drive the product's own roles over a recording."""
    try:
        from processors.scoring import Scoring
    except ImportError as error:
        raise CommandFailed(f"replay needs the extra: pip install 'fleetleak[processor]' ({error})") from None
    from sinks.alerting.role import Alerting

    scoring, alerting = Scoring(settings, "scores"), Alerting(settings.alerting, "alerts")
    return drive(recording.records(), len(recording), scoring, alerting, progress)


def _open(stack: contextlib.ExitStack, name: str | None) -> IO[bytes] | None:
    if name is None:
        return None
    if name == "-":
        return sys.stdout.buffer
    try:
        return stack.enter_context(open(name, "wb"))
    except OSError as error:
        raise CommandFailed(f"{name} cannot be written: {error.strerror}") from None


def _write(file: IO[bytes] | None, values: list[bytes | None]) -> None:
    if file is not None:
        file.writelines((value or b"") + b"\n" for value in values)


def _progress(total: int) -> Callable[[float], None]:
    shown = [time.monotonic()]

    def show(share: float) -> None:
        if not sys.stderr.isatty() or time.monotonic() - shown[0] < 0.2:
            return
        shown[0] = time.monotonic()
        bar = "#" * int(40 * share)
        print(f"\r[{bar:<40}] {share:.0%} of {total}", end="", file=sys.stderr, flush=True)

    return show
