"""`fleetleak policy`: show the rules of alerting, and try other ones on recorded scores."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from fleetleak.extras import hint
from fleetleak.kafka.scan import ScanFailed
from fleetleak.records import Unreadable, encode
from fleetleak.settings import Loaded, Settings
from fleetleak.stream import Record
from fleetleak.text import DAY, moment
from fleetleak_app.cli import CommandFailed, say, times
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.cli.extras import needs
from fleetleak_app.cli.policy_words import plain, words
from fleetleak_app.cli.subjects import controls, scores, subjects
from fleetleak_app.tables import render

if TYPE_CHECKING:
    from fleetleak_app.replay.comparing import Difference, Told
    from fleetleak_app.replay.decisions import Control, Scored, Start
    from sinks.policy.file import PolicyFile

HELP = "show the rules of alerting, or test other rules on recorded scores"
SECTIONS = ("kafka", "topics", "policy", "alerting", "log")

_MOST_ROWS = 50
_WIDTH = 80
_TOLD_EVERY = 5000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("action", choices=list(_ACTIONS))
    parser.add_argument(
        "--rules", metavar="FILE", help="the policy file to show or to test; show: default policy.file"
    )
    parser.add_argument(
        "--since", type=times.duration, default=7 * DAY, metavar="DURATION",
        help="test: how far back, such as 36h or 7d; default 7d",
    )  # fmt: skip
    parser.add_argument(
        "--scores", metavar="FILE",
        help="test: scores that `fleetleak replay --scores` wrote, as JSON lines or Parquet, without Kafka",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the chosen action."""
    try:
        _ACTIONS[arguments.action](loaded.settings, arguments)
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    return 0


def _show(settings: Settings, arguments: argparse.Namespace) -> None:
    policy = _policy(arguments.rules or settings.policy.file)
    _check_targets(policy)
    if arguments.json:
        print(orjson.dumps(plain(policy)).decode())
        return
    print("\n".join(words(policy)))


def _policy(path: str | None) -> PolicyFile:
    """Return a policy file that can be used.

    Raises
    ------
    BadPolicy
        If it cannot.
    """
    from sinks.alerting.leak.role import leak_rules
    from sinks.policy.file import read

    policy = read(path)
    leak_rules(policy)
    return policy


def _check_targets(policy: PolicyFile) -> None:
    """Refuse targets and routes that `fleetleak sink notify` would refuse, apart from their secrets."""
    from sinks.notify.targets import targets

    try:
        targets(policy)
    except ImportError as error:
        say(f"the targets are not checked: {error}: {hint('notify')}")


def _test(settings: Settings, arguments: argparse.Namespace) -> None:
    from fleetleak_app.replay.comparing import differences

    if arguments.rules is None:
        raise CommandFailed("policy test needs the new policy file: --rules FILE")
    before, after = _policy(settings.policy.file), _policy(arguments.rules)
    count, told = _replayed(settings, [before, after], arguments)
    if not count:
        raise CommandFailed(
            "there are no scores to test it on: give a longer --since, or --scores FILE"
            if arguments.scores is None
            else f"there are no scores in {arguments.scores}"
        )
    changes = list(differences(*told))
    if arguments.json:
        print(orjson.dumps(_fields(count, told, changes)).decode())
        return
    print("\n".join(_table(count, told, changes)))


def _replayed(
    settings: Settings, policies: list[PolicyFile], arguments: argparse.Namespace
) -> tuple[int, list[Told]]:
    """Return the number of scores, and what each policy makes of them."""
    from fleetleak_app.replay.comparing import Told
    from fleetleak_app.replay.decisions import Again
    from sinks.alerting.leak.role import LeakAlerting

    roles = [LeakAlerting(settings.alerting, policy, "alerts") for policy in policies]
    told = [Told() for _ in policies]
    recorded, said, start = _recorded(settings, arguments)
    again = Again(roles, said, start, lambda number, outputs: told[number].add(outputs))
    count = 0
    for one in recorded:
        again.add(one)
        count += 1
        _progress(count)
    again.end(time.time())
    return count, told


def _recorded(
    settings: Settings, arguments: argparse.Namespace
) -> tuple[Iterator[Scored], list[Control], Start]:
    """Return scores, control records, and where the replay begins: from a file, or from Kafka."""
    from fleetleak_app.replay.decisions import Start

    if arguments.scores is not None:
        return _in_file(arguments.scores), [], Start(0.0, {})
    names, begin = checked_topics(settings), max(0.0, time.time() - arguments.since)
    held = {name: one.subject for name, one in subjects(settings, names.alert_state).items()}
    return (
        scores(settings, names.scores, begin),
        controls(settings, names.feedback),
        Start(begin, held),
    )


def _in_file(name: str) -> Iterator[Scored]:
    """Yield the scores of a file; lines that are none are counted and told. Event time is append time."""
    from fleetleak_app.replay.decisions import scored

    unread, first, appended = 0, "", 0.0
    try:
        for number, line in enumerate(_lines(name)):
            try:
                one = scored(Record(0, number, None, line.strip() or None, 0.0))
            except Unreadable as error:
                unread, first = unread + 1, first or f"line {number + 1}: {error}"
                continue
            appended = max(appended, one.score.time)
            key = one.score.service.encode()
            yield one._replace(record=msgspec.structs.replace(one.record, key=key, appended=appended))
    except OSError as error:
        raise CommandFailed(f"{name} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CommandFailed(f"{name} is no Parquet file of scores: {error}") from None
    if unread:
        say(f"{unread} lines of {name} are no scores; the first: {first}")


def _lines(name: str) -> Iterator[bytes]:
    """Yield the scores of a file as JSON: those of a Parquet file, else its lines."""
    if not name.endswith(".parquet"):
        with Path(name).open("rb") as file:
            yield from file
        return
    with needs("replay"):
        from fleetleak_app.replay.parquet import from_parquet
    yield from map(encode, from_parquet(name))
    say(f"{name} has no labels, so conditions on labels did not hold: JSON lines have them")


def _progress(count: int) -> None:
    """Show on a terminal how many scores are done."""
    if count % _TOLD_EVERY == 0 and sys.stderr.isatty():
        print(f"\r{count:,} scores", end="\r", file=sys.stderr, flush=True)


def _fields(count: int, told: list[Told], changes: list[Difference]) -> dict[str, Any]:
    before, after = told
    return {
        "scores": count,
        "alerts": {"before": before.count(), "after": after.count()},
        "transitions": {"before": before.transitions, "after": after.transitions},
        "differences": msgspec.to_builtins(changes),
    }


def _table(count: int, told: list[Told], changes: list[Difference]) -> Iterator[str]:
    rows = [
        {
            "service": one.service,
            "change": one.change,
            "since": moment(one.since),
            "before": one.before,
            "after": one.after,
        }
        for one in changes[:_MOST_ROWS]
    ]
    columns = {
        "service": "service", "change": "alert", "since": "since", "before": "before", "after": "after",
    }  # fmt: skip
    if rows:
        yield render(rows, columns, _WIDTH)
    if len(changes) > _MOST_ROWS:
        yield f"and {len(changes) - _MOST_ROWS} more (--json lists all)"
    before, after = told
    if not changes and before.transitions == after.transitions:
        yield f"no difference: {before.count()} alerts on {count} scores"
        return
    same = "" if changes else "the same alerts; "
    yield (
        f"{same}{before.count()} alerts before, {after.count()} after;"
        f" {before.transitions} transitions before, {after.transitions} after; {count} scores"
    )


_ACTIONS: dict[str, Callable[[Settings, argparse.Namespace], None]] = {"show": _show, "test": _test}
