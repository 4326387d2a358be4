"""`fleetleak replay`: recorded series through the code that processors and sinks run online."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator

import orjson

from fleetleak.observe.garbage import collect_seldom
from fleetleak.settings import Loaded, Settings
from fleetleak_app.cli import CommandFailed, recordings
from fleetleak_app.cli.extras import needs
from fleetleak_app.cli.progress import bar
from fleetleak_app.reading import Recording
from fleetleak_app.replay.drive import Outputs, drive
from fleetleak_app.replay.records import records
from fleetleak_app.replay.summary import Highest, transitions
from fleetleak_app.replay.write import Results, Write, in_order, to_file

HELP = "send recorded series (CSV, Parquet, JSON) through scoring and alerting, in memory or through a Kafka"
SECTIONS = ("kafka", "topics", "runtime", "processor", "policy", "alerting", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    recordings.add_arguments(parser)
    parser.add_argument("--alerts", metavar="FILE", help="write transitions as JSON lines; - for stdout")
    parser.add_argument("--json", action="store_true", help="print one line of JSON: counts and alerts")
    parser.add_argument(
        "--scores", metavar="FILE", help="write scores: Parquet if its name ends in .parquet, else JSON lines"
    )
    parser.add_argument(
        "--via-kafka", action="store_true",
        help="go through real processes and their own topics, on kafka.bootstrap_servers"
        " or, where that is not set, on an embedded Kafka",
    )  # fmt: skip


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Replay a recording, write the results, and print a summary."""
    if arguments.json and arguments.alerts == "-":
        raise CommandFailed("--json and --alerts - both write to stdout: choose one")
    recording = recordings.load(arguments)
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        to_alerts, to_scores = _writers(stack, arguments)
        if arguments.via_kafka:
            replayed = _via_kafka(recording, loaded)
        else:
            # Scores must be written in order of time; without `--scores` a faster order is possible.
            replayed = _in_memory(recording, loaded, in_turns=arguments.scores is None)
        batches = stack.enter_context(contextlib.closing(replayed))
        totals = _write(batches, to_alerts, to_scores)
    seconds = time.monotonic() - begun
    _print(recording, totals, arguments)
    _say(recording.summary())
    _say(
        f"{len(recording)} snapshots, {len(totals.unreadable)} unreadable,"
        f" {len(totals.alerts)} alert transitions, {seconds:.1f} s"
    )
    if 2 * len(totals.unreadable) > len(recording):
        raise CommandFailed(f"most snapshots are unreadable; the first: {totals.unreadable[0]}")
    return 0


def replay(
    recording: Recording, settings: Settings, progress: Callable[[float], None], in_turns: bool = False
) -> Iterator[Outputs]:
    """Yield the outputs of scoring and alerting for a recording (`records` explains `in_turns`)."""
    with needs("processor"):
        from processors.scoring import Scoring
    from sinks.alerting.leak import role

    scoring, alerting = Scoring(settings, "scores"), role.alerting(settings)
    total = len(recording)
    return drive(records(recording, in_turns), scoring, alerting, lambda done: progress(done / total))


def _in_memory(recording: Recording, loaded: Loaded, in_turns: bool) -> Generator[Results, None, None]:
    batches = replay(recording, loaded.settings, _progress(recording), in_turns)
    collect_seldom()
    alerts: list[bytes] = []
    for outputs in batches:
        alerts += [output.value or b"" for output in outputs.alerts]
        yield Results([output.value or b"" for output in outputs.scores], [], outputs.rejected)
    yield Results([], in_order(alerts), [])


def _via_kafka(recording: Recording, loaded: Loaded) -> Generator[Results, None, None]:
    from confluent_kafka import KafkaException

    from fleetleak.kafka.broker import BrokerFailed
    from fleetleak.kafka.client import properties_checked
    from fleetleak.kafka.reach import Unreachable
    from fleetleak.kafka.scan import ScanFailed
    from fleetleak.kafka.topics import WrongTopics
    from fleetleak_app.replay.through_kafka import ReplayFailed, through_kafka

    # SIGTERM must clean up too, so it does the same as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    own_broker = loaded.origin["kafka.bootstrap_servers"] == "default"
    try:
        with properties_checked():
            yield from through_kafka(recording, loaded.settings, own_broker, _progress(recording), _say)
    except (BrokerFailed, Unreachable, WrongTopics, ReplayFailed, ScanFailed) as error:
        raise CommandFailed(str(error)) from None
    except KafkaException as error:
        raise CommandFailed(f"the cluster was lost: {error.args[0].str()}") from None


def _writers(stack: contextlib.ExitStack, arguments: argparse.Namespace) -> tuple[Write, Write]:
    try:
        return stack.enter_context(to_file(arguments.alerts)), stack.enter_context(_scores(arguments.scores))
    except OSError as error:
        raise CommandFailed(f"{error.filename} cannot be written: {error.strerror}") from None


def _scores(name: str | None) -> contextlib.AbstractContextManager[Write]:
    if name is None or not name.endswith(".parquet"):
        return to_file(name)
    with needs("replay"):
        from fleetleak_app.replay.parquet import to_parquet
    return to_parquet(name)


class _Totals:
    """The results that are printed at the end."""

    def __init__(self) -> None:
        self.alerts: list[bytes] = []
        self.unreadable: list[str] = []
        self.highest = Highest()


def _write(batches: Iterator[Results], to_alerts: Write, to_scores: Write) -> _Totals:
    """Write all results; return those that are printed."""
    totals = _Totals()
    for results in batches:
        to_alerts(results.alerts)
        to_scores(results.scores)
        if results.unreadable and not totals.unreadable:
            print(f"\nunreadable: {results.unreadable[0]}", file=sys.stderr)
        totals.unreadable += results.unreadable
        totals.alerts += results.alerts
        totals.highest.add(results.scores)
    return totals


def _print(recording: Recording, totals: _Totals, arguments: argparse.Namespace) -> None:
    """Print the summary, unless the alerts are on stdout already."""
    if arguments.json:
        print(orjson.dumps(_plain(recording, totals)).decode())
    elif arguments.alerts != "-":
        print("\n".join(transitions(totals.alerts) or ["no alert", *totals.highest.lines()]))


def _plain(recording: Recording, totals: _Totals) -> dict[str, object]:
    return {
        "rows": recording.read,
        "usable": recording.usable,
        "repeated": recording.repeated,
        "left_out": {reason: left.count for reason, left in recording.notes.left.items()},
        "notes": list(recording.notes.every),
        "snapshots": len(recording),
        "unreadable": len(totals.unreadable),
        "alerts": [orjson.loads(alert) for alert in totals.alerts],
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _progress(recording: Recording) -> Callable[[float], None]:
    return bar(f"{len(recording):,} snapshots")
