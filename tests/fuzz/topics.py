"""Odd records on every topic: `python -m tests.fuzz.topics --cases 10000 --seed 7`.

Each check is tried with so many cases. What fails is cut down to the smallest case that fails, and shown.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, get_args

import hypothesis
import msgspec
from hypothesis import strategies as st

from fleetleak.records import Promotion, Score, Snapshot, control, encode
from fleetleak.stream import Record
from tests.fuzz import checks, odd, series
from tests.unit.strategies import records

Check = Callable[[st.DataObject, checks.Roles], None]
CONTROLS: tuple[type[msgspec.Struct], ...] = get_args(control.Control)
_SAY_SECONDS = 5.0


def decoders(data: st.DataObject, _: checks.Roles) -> None:
    """Check that every decoder returns a record or raises Unreadable."""
    kind: type[msgspec.Struct] = data.draw(odd.kinds)
    checks.read(data.draw(odd.kinds), data.draw(odd.values(kind)))
    checks.origins(data.draw(odd.headers))


def garbage(data: st.DataObject, roles: checks.Roles) -> None:
    """Check that roles publish readable outputs, or reject the record."""
    for kind, take in ((Snapshot, roles.take_snapshots), (Score, roles.take_scores)):
        drawn = data.draw(st.lists(st.tuples(odd.keys, odd.values(kind)), max_size=3))
        take([Record(0, n, key, value, 1e11) for n, (key, value) in enumerate(drawn)])
    controls: type[msgspec.Struct] = data.draw(st.sampled_from(CONTROLS))
    roles.take_control(Record(0, 0, data.draw(odd.keys), data.draw(odd.values(controls)), 1e11))


def snapshots(data: st.DataObject, roles: checks.Roles) -> None:
    """Check that a leak with odd values leads to readable scores and alerts."""
    series_ = data.draw(series.snapshots())
    roles.take_snapshots(series_)
    _control(data, roles, series_[0])


def scores(data: st.DataObject, roles: checks.Roles) -> None:
    """Check that alerts of odd scores are readable, also after labels and promotions."""
    series_ = data.draw(series.scores())
    roles.take_scores(series_)
    _control(data, roles, series_[0])
    roles.take_scores(data.draw(series.scores()))


def _control(data: st.DataObject, roles: checks.Roles, of: Record) -> None:
    for kind in data.draw(st.lists(st.sampled_from(CONTROLS), max_size=3)):
        record: Any = data.draw(records(kind))
        if isinstance(record, Promotion):
            record.track = data.draw(st.sampled_from(["main", "t" * 200, record.track]))
        else:
            record.service = (of.key or b"").decode()
        key = control.PROMOTION_KEY if isinstance(record, Promotion) else of.key
        roles.take_control(Record(0, 0, key, encode(record), 1e11))


CHECKS: dict[str, Check] = {check.__name__: check for check in (decoders, garbage, snapshots, scores)}


def run(check: Check, cases: int, seed: int, progress: Callable[[int], None], shrink: bool) -> None:
    """Try a check with so many cases.

    Raises
    ------
    AssertionError
        Or whatever else a case ends with; with `shrink` the smallest that does, which can take minutes.
    """
    done, roles = 0, checks.Roles()

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if shrink else [])],
    )
    @hypothesis.given(st.data())
    def tried(data: st.DataObject) -> None:
        nonlocal done
        done += 1
        progress(done)
        roles.begin()
        check(data, roles)

    tried()


def main() -> int:
    """Run every check, or the named one; return 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--check", choices=CHECKS, action="append", help="only this one; may be repeated")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    failed = 0
    for name in arguments.check or CHECKS:
        said = [time.monotonic()]

        def progress(done: int, name: str = name, said: list[float] = said) -> None:
            if time.monotonic() - said[0] > _SAY_SECONDS:
                said[0] = time.monotonic()
                print(f"{name}: {done} cases", flush=True)

        try:
            run(CHECKS[name], arguments.cases, arguments.seed, progress, shrink=True)
            print(f"{name}: {arguments.cases} cases, all well", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
