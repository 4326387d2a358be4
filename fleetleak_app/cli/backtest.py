"""`fleetleak backtest`: what fleetleak would have said of the history in a Prometheus, or in files."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from fleetleak.observe.garbage import collect_seldom
from fleetleak.settings import Loaded
from fleetleak_app.cli import CommandFailed, recordings
from fleetleak_app.cli.extras import needs
from fleetleak_app.cli.progress import bar, clear
from fleetleak_app.cli.times import duration
from fleetleak_app.reading import BadRecording
from fleetleak_app.reading.notes import printable

if TYPE_CHECKING:
    from fleetleak_app.backtest.sources import Given, Question

HELP = "say what would have been alerted in the history of a Prometheus (or in files), beside the usual rules"
SECTIONS = ("prometheus", "processor", "policy", "alerting", "log")
_SCHEMES = ("http://", "https://")
_USUAL_SINCE_SECONDS, _USUAL_STEP_SECONDS = 30 * 86_400.0, 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument(
        "sources", nargs="*", metavar="ADDRESS|FILE",
        help="a Prometheus, or what answers like it, such as http://prometheus:9090; or files"
        " (docs/backtest.md)",
    )  # fmt: skip
    parser.add_argument(
        "--since", type=duration, metavar="DURATION", help="how far back in a server; default 30d"
    )
    parser.add_argument(
        "--step", type=duration, metavar="DURATION",
        help="time between two samples; default 60s, and for files what is usual in them",
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE", help="write one HTML file with pictures")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument(
        "--answers", type=Path, metavar="FOLDER",
        help="keep the answers of the server there, for another run; without it they are removed at the end",
    )  # fmt: skip
    recordings.add_options(parser)


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Read the history, send it through the roles, and print what they would have said."""
    with needs("backtest"):
        from fleetleak_app.backtest import text
        from fleetleak_app.backtest.run import Roles, backtest

        if arguments.report is not None:
            from fleetleak_app.backtest import page
    if arguments.report is not None:
        _check_folder(arguments.report)
    roles = Roles(loaded.settings)  # refuses a wrong policy file before anything is read
    collect_seldom()
    with _source(loaded, arguments) as given:
        result = backtest(given.name, given.whole, given.records, roles)
        clear()
        result.notes = given.notes()
        if not result.samples:
            why = "; ".join(result.notes) or "it has no samples"
            raise CommandFailed(f"nothing was read from {given.name}: {why}")
        if len(result.unjudged()) == len(result.watch.services()):
            raise CommandFailed(
                f"nothing can be judged: {text.what(result)}, none with a limit or the memory of its host:"
                " read also the metrics of limits (docs/backtest.md), or give --limit 4GiB"
            )
        print(orjson.dumps(text.plain(result)).decode() if arguments.json else "\n".join(text.lines(result)))
        for line in result.notes:
            _say(f"note: {line}")
        if result.rejected:
            _say(f"note: {len(result.rejected):,} snapshots cannot be judged (first: {result.rejected[0]})")
        if arguments.report is not None:
            try:
                page.write(result, arguments.report)
            except OSError as error:
                raise CommandFailed(f"{arguments.report} cannot be written: {error.strerror}") from None
            _say(f"wrote {arguments.report}")
    return 0


def _check_folder(report: Path) -> None:
    """Refuse a report that cannot be written before hours of reading, not after them."""
    if report.is_dir() or not report.parent.is_dir():
        why = "it is a folder" if report.is_dir() else f"{report.parent} is no folder"
        raise CommandFailed(f"{report} cannot be written: {why}")


@contextmanager
def _source(loaded: Loaded, arguments: argparse.Namespace) -> Iterator[Given]:
    """Give the source; turn its errors into those of a command, also while it is read."""
    from fleetleak_app.backtest.answers import CannotKeep, OtherQuestion
    from producers.prometheus.api import ApiFailed
    from producers.prometheus.discover import NoData

    addresses = [name for name in arguments.sources if name.startswith(_SCHEMES)]
    files = [name for name in arguments.sources if not name.startswith(_SCHEMES)]
    if len(addresses) > 1 or (addresses and files):
        raise CommandFailed("give one address, or files")
    for name in files:
        if not Path(name).exists():
            raise CommandFailed(f"{name}: there is no such file; an address begins with http:// or https://")
    try:
        question = _question(loaded, arguments)
        if files:
            yield _of_files(files, arguments, question)
        else:
            loaded.settings.prometheus.url = addresses[0] if addresses else loaded.settings.prometheus.url
            with _of_server(loaded, arguments, question) as given:
                yield given
    except NoData as error:
        raise CommandFailed(
            f"{error}: look further back with --since, or change --match or --preset"
        ) from None
    except (ApiFailed, BadRecording, CannotKeep, OtherQuestion) as error:
        raise CommandFailed(str(error)) from None


def _question(loaded: Loaded, arguments: argparse.Namespace) -> Question:
    from fleetleak_app.backtest.sources import Question
    from producers.prometheus.assemble import Assumed
    from producers.prometheus.discover import chosen
    from producers.prometheus.matchers import parse

    ours, options = loaded.settings.prometheus, recordings.options(arguments)
    return Question(chosen(ours.presets), parse(ours.match), Assumed(options.limit, options.total))


def _of_files(files: list[str], arguments: argparse.Namespace, question: Question) -> Given:
    from fleetleak_app.backtest.sources import of_files

    if arguments.since is not None:
        raise CommandFailed("--since is for a server: files are read as a whole")
    return of_files(files, question, recordings.options(arguments), arguments.step, _say, bar("the history"))


@contextmanager
def _of_server(loaded: Loaded, arguments: argparse.Namespace, question: Question) -> Iterator[Given]:
    from fleetleak_app.backtest.answers import Answers, CannotKeep, usual_folder
    from fleetleak_app.backtest.sources import of_server
    from producers.prometheus.api import Api, ApiFailed
    from producers.prometheus.discover import known_metrics
    from producers.prometheus.series import Window

    if arguments.columns or arguments.unit:
        raise CommandFailed("--columns and --unit are for files")
    ours = loaded.settings.prometheus
    since, step = arguments.since or _USUAL_SINCE_SECONDS, arguments.step or _USUAL_STEP_SECONDS
    now = time.time()
    steps = max(1, int(since // step))
    # On multiples of the step: servers keep such answers.
    whole = Window((now // step - steps + 1) * step, step, steps)
    with closing(Api(ours)) as api:
        asked = {
            "address": api.name, "since": f"{since:g} s", "step": f"{step:g} s",
            "preset": ",".join(ours.presets), "match": ours.match, "user": ours.user or "",
            "metrics": known_metrics(),
            "token file": ours.token_file or "", "headers": repr(sorted(ours.headers)),
            "tenant": hashlib.sha256(repr(sorted(ours.headers.items())).encode()).hexdigest(),
        }  # fmt: skip
        answers = Answers(arguments.answers or usual_folder(asked, now), asked, named=bool(arguments.answers))
        try:
            yield of_server(api, whole, question, answers, ours.concurrency, now, _say, bar("the history"))
        except (ApiFailed, CannotKeep, KeyboardInterrupt):
            if answers.has_some():
                _say("what is read is kept: the same command goes on from there")
            raise
    answers.done()


def _say(line: str) -> None:
    clear()
    print(printable(line), file=sys.stderr)
