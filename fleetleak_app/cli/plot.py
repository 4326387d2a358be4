"""`fleetleak plot`: a recorded series as a picture, with its scores and alerts."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fleetleak.records import Alert, Decoder, Score, Snapshot, Unreadable
from fleetleak.settings import Loaded, Settings
from fleetleak_app.cli import CommandFailed, recordings
from fleetleak_app.cli.extras import needs
from fleetleak_app.cli.replay import replay
from fleetleak_app.reading import Recording
from fleetleak_app.replay.records import records

if TYPE_CHECKING:
    from fleetleak_app.replay.draw import PlottedSeries

HELP = "draw a recorded series with its fit, forecast, limit and alerts, without Kafka"
SECTIONS = ("processor", "alerting", "log")
_SUFFIXES = (".png", ".svg")
_MOST_NAMED = 5
_LEAST = 2  # snapshots that a line needs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    recordings.add_arguments(parser)
    parser.add_argument("--service", metavar="NAME", help="which service, if there are several")
    parser.add_argument("--instance", metavar="NAME", help="which instance, if the service has several")
    parser.add_argument(
        "--out", default="picture.png", type=Path, metavar="FILE", help="PNG or SVG, by the end of its name"
    )
    parser.add_argument(
        "--at", type=_moment, metavar="UNIXTIME|end",
        help="draw what was known at this time; default: when the first alert fired, or the last score",
    )  # fmt: skip


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Replay one service and draw one of its instances."""
    if arguments.out.suffix not in _SUFFIXES:
        raise CommandFailed(f"--out {arguments.out}: give a name that ends in {' or '.join(_SUFFIXES)}")
    with needs("plot"):
        from fleetleak_app.replay import draw
    recording = recordings.load(arguments)
    recording = _only(recording, "service", arguments.service)
    series = series_of(recording, _only(recording, "instance", arguments.instance), loaded.settings)
    figure = draw.picture(series, shown_score(series, arguments.at))
    try:
        draw.save(figure, arguments.out)
    except OSError as error:
        raise CommandFailed(f"{arguments.out} cannot be written: {error.strerror}") from None
    print(arguments.out)
    return 0


def _moment(text: str) -> float:
    at = math.inf if text == "end" else float(text)
    if math.isnan(at):
        raise ValueError(text)
    return at


def _only(recording: Recording, field: str, wanted: str | None) -> Recording:
    """Return the rows of one service or instance.

    Raises
    ------
    CommandFailed
        If it does not exist, or if there are several and none was named.
    """
    values = recording.columns[field]
    chosen = _chosen(field, sorted({v for v in values if v is not None}), wanted)
    rows = [row for row, value in enumerate(values) if value == chosen]
    return Recording({name: [column[row] for row in rows] for name, column in recording.columns.items()})


def _chosen(field: str, known: Sequence[str], wanted: str | None) -> str:
    if wanted is not None and wanted in known:
        return wanted
    if wanted is None and len(known) == 1:
        return known[0]
    problem = f"there are {len(known)} {field}s" if wanted is None else f"there is no {field} {wanted}"
    few, more = ", ".join(known[:_MOST_NAMED]), len(known) - _MOST_NAMED
    raise CommandFailed(
        f"{problem}: choose with --{field} from {few}{f' and {more} more' if more > 0 else ''}"
    )


def series_of(service: Recording, instance: Recording, settings: Settings) -> PlottedSeries:
    """Replay a service; return the memory, scores and alerts of one of its instances.

    Raises
    ------
    CommandFailed
        If there are too few snapshots, or the extra is not installed.
    """
    from fleetleak_app.replay.draw import PlottedSeries
    from processors.decode.sizes import limit_name, sizes_of

    snapshots = _snapshots(instance)
    size = sizes_of(snapshots)
    measured = [at for at, known in enumerate(size.known.tolist()) if known]
    if len({snapshots[at].timestamp for at in measured}) < _LEAST:
        raise CommandFailed(
            f"fewer than {_LEAST} snapshots have memory and a limit or total:"
            " name their columns with --columns used=COLUMN,total=COLUMN, or give --limit 4GiB"
        )
    newest = snapshots[measured[-1]]
    scores, alerts = _results(service, newest.instance, settings)
    return PlottedSeries(
        times=[snapshots[at].timestamp for at in measured],
        memory=[float(size.memory[at]) for at in measured],
        counted=[float(size.used[at]) for at in measured],
        limit=[float(size.limit[at]) for at in measured],
        limit_name=limit_name(int(size.name[measured[-1]]), newest.limit_name),
        scores=scores,
        alerts=alerts,
    )


def _snapshots(recording: Recording) -> Sequence[Snapshot]:
    """Return the readable snapshots; the replay reports the others."""
    decode, snapshots = Decoder(Snapshot).decode, []
    for record in records(recording):
        try:
            snapshots.append(decode(record.value))
        except Unreadable:
            continue
    return snapshots


def _results(service: Recording, instance: str, settings: Settings) -> tuple[list[Score], list[Alert]]:
    scores: list[Score] = []
    alerts: list[Alert] = []
    read_score, read_alert = Decoder(Score).decode, Decoder(Alert).decode
    for outputs in replay(service, settings, lambda _: None):
        scores += [read_score(output.value) for output in outputs.scores]
        alerts += [read_alert(output.value) for output in outputs.alerts]
        if outputs.rejected:
            print(f"unreadable: {outputs.rejected[0]}", file=sys.stderr)
    return [s for s in scores if s.instance == instance], [a for a in alerts if a.instance == instance]


def shown_score(series: PlottedSeries, at: float | None) -> Score:
    """Return the score to draw: the one at a time, or at the first alert, or the last one with a trend.

    Raises
    ------
    CommandFailed
        If the time is before the first score.
    """
    scores = series.scores
    if at is not None:
        earlier = [score for score in scores if score.time <= at]
        if not earlier:
            raise CommandFailed(f"--at {at:.0f} is before the first snapshot, of {scores[0].time:.0f}")
        return earlier[-1]
    fired = [alert.time for alert in series.alerts if alert.state == "firing"]
    wanted = (
        [s for s in scores if s.time == fired[0]] if fired else [s for s in scores if s.trend is not None]
    )
    return (wanted or list(scores))[-1]
