"""Compare alerts with labelled cases: how many leaks are found, how early, and with how many false alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from fleetleak.records.types import LEAK_KINDS
from fleetleak_app.evaluation.alerts import Alert, by_case
from fleetleak_app.evaluation.cases import Case, Leak

REFIRE_SECONDS = 6 * 3600.0
SLOW_RATE = "tiny(<5% of limit)"
FARTHEST_SECONDS = 1e8  # an upper bound further away than this counts as this in the relative width
DAY = 86400.0
NAN = float("nan")
Intervals = dict[str, tuple[float, float]]


@dataclass(slots=True)
class Episode:
    """Lasts from firing to resolved; an alert that fires again within six hours continues its episode."""

    start: float
    end: float
    lines: list[Alert]


@dataclass(frozen=True, slots=True)
class LeakOutcome:
    """The outcome of one leak; a field is None where it does not apply.

    `lead` is the share of the leak's life left at the alert, `delay` the seconds since its onset,
    `coverage` the share of the alert's lines whose ETA interval holds the true end, `width` the median
    length of that interval and `eta_error` the median error of the ETA, both in units of the time left.
    """

    kind: str | None
    rate: str
    found: bool
    lead: float | None = None
    delay: float | None = None
    kind_named: str | None = None
    coverage: float | None = None
    width: float | None = None
    eta_error: float | None = None

    @property
    def kind_right(self) -> float | None:
        return None if self.kind_named is None else float(self.kind_named == self.kind)


@dataclass(frozen=True, slots=True)
class SeriesOutcome:
    """The outcome of one series; an episode that began in an ambiguous stretch is neither true nor false."""

    group: str
    tag: str
    true_alarms: int
    false_alarms: int
    clean_days: float
    leaks: tuple[LeakOutcome, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a set of series; NaN where there is nothing to count.

    `precision` counts episodes, `recall` leaks. `lead_all` counts a missed leak as 0; `lead` and
    `lead_p10` (the tenth percentile) use found leaks only.
    """

    leaks: int
    recall: float
    precision: float
    f1: float
    false_alarms: int
    false_alarms_per_100_days: float
    lead: float
    lead_all: float
    lead_p10: float
    delay_hours: float
    kind_accuracy: float
    eta_coverage: float
    eta_width: float
    eta_error: float


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one detector; `intervals` are 95 % bootstrap intervals over series."""

    overall: Summary
    slow: Summary
    by_group: dict[str, Summary]
    by_tag: dict[str, Summary]
    by_kind: dict[str, Summary]
    by_rate: dict[str, Summary]
    confusion: dict[str, int]
    intervals: Intervals = field(default_factory=dict)
    part_intervals: dict[str, dict[str, Intervals]] = field(default_factory=dict)


def score(cases: Sequence[Case], alerts: Iterable[Alert], *, resamples: int = 300, seed: int = 0) -> Report:
    """Return the report on the alerts of one detector; `resamples=0` leaves the intervals out.

    An alert's `time` must be the time of the newest sample that its detector knew. Do not use it to
    compare detectors on a handful of series: look at the intervals.
    """
    lines = by_case(alerts, (case.series for case in cases))
    outcomes = [judge(case, lines[case.series]) for case in cases]
    groups = _parted(outcomes, lambda o: o.group)
    for name, prefix in (("clean natural", "nat:"), ("clean hard", "hard:")):
        groups[name] = [o for o in outcomes if o.tag.startswith(prefix)]
    kinds = {kind: _only(outcomes, _with("kind", kind)) for kind in sorted(LEAK_KINDS)}
    names = sorted({leak.rate for o in outcomes for leak in o.leaks})
    rates = {rate: _only(outcomes, _with("rate", rate)) for rate in names}
    parts = {"group": groups, "kind": kinds, "rate": rates}
    return Report(
        overall=summarise(outcomes),
        slow=summarise(_only(outcomes, _with("rate", SLOW_RATE))),
        by_group={name: summarise(some) for name, some in groups.items() if some},
        by_tag={name: summarise(some) for name, some in _parted(outcomes, lambda o: o.tag).items()},
        by_kind={kind: summarise(some) for kind, some in kinds.items()},
        by_rate={rate: summarise(some) for rate, some in rates.items()},
        confusion=_confusion(outcomes),
        intervals=bootstrap(outcomes, resamples, seed),
        part_intervals={
            title: {name: bootstrap(some, resamples, seed) for name, some in named.items()}
            for title, named in parts.items()
        },
    )


def _parted(
    outcomes: Sequence[SeriesOutcome], part: Callable[[SeriesOutcome], str]
) -> dict[str, list[SeriesOutcome]]:
    return {name: [o for o in outcomes if part(o) == name] for name in sorted(set(map(part, outcomes)))}


def _with(attribute: str, value: str) -> Callable[[LeakOutcome], bool]:
    return lambda leak: getattr(leak, attribute) == value


def _only(outcomes: Sequence[SeriesOutcome], wanted: Callable[[LeakOutcome], bool]) -> list[SeriesOutcome]:
    return [replace(o, leaks=tuple(leak for leak in o.leaks if wanted(leak))) for o in outcomes]


def _confusion(outcomes: Sequence[SeriesOutcome]) -> dict[str, int]:
    named = [leak for o in outcomes for leak in o.leaks if leak.kind_named]
    return dict(sorted(Counter(f"{leak.kind}->{leak.kind_named}" for leak in named).items()))


def episodes(lines: Iterable[Alert], leaks: Sequence[Leak]) -> list[Episode]:
    """Return the episodes of one series, in order; a leak that begins in the gap separates two episodes."""
    found: list[Episode] = []
    open_now: Episode | None = None
    for line in sorted(lines, key=lambda line: line["time"]):
        time = line["time"]
        if line.get("state", "firing") == "resolved":
            if open_now:
                open_now.end = time
                found.append(open_now)
            open_now = None
            continue
        if open_now is None:
            resumes = bool(found) and _resumes(found[-1], time, leaks)
            open_now = found.pop() if resumes else Episode(time, time, [])
        open_now.lines.append(line)
    if open_now:
        open_now.end = float("inf")
        found.append(open_now)
    return found


def _resumes(previous: Episode, time: float, leaks: Sequence[Leak]) -> bool:
    began = any(previous.end < leak.onset <= time for leak in leaks)
    return time - previous.end < REFIRE_SECONDS and not began


def judge(case: Case, lines: Iterable[Alert]) -> SeriesOutcome:
    """Return the outcome of one series with its alerts."""
    true_alarms = false_alarms = 0
    credited: dict[int, tuple[float, Episode]] = {}
    for episode in episodes(lines, case.leaks):
        inside = _leak_at(case, episode.start)
        if inside is not None:
            true_alarms += 1
            credited.setdefault(inside, (episode.start, episode))
            for i, time in _told_again(case, episode):
                credited.setdefault(i, (time, episode))
        elif any(begin <= episode.start < end for begin, end in case.ambiguous):
            for i in _still_standing(case, episode):
                credited.setdefault(i, (case.leaks[i].onset, episode))
        else:
            false_alarms += 1
    leaks = tuple(_leak_outcome(leak, credited.get(i)) for i, leak in enumerate(case.leaks))
    return SeriesOutcome(case.group, case.tag, true_alarms, false_alarms, _clean_days(case), leaks)


def _leak_at(case: Case, time: float) -> int | None:
    return next((i for i, leak in enumerate(case.leaks) if leak.onset <= time <= leak.end), None)


def _still_standing(case: Case, episode: Episode) -> list[int]:
    return [i for i, leak in enumerate(case.leaks) if episode.start < leak.onset < episode.end]


def _told_again(case: Case, episode: Episode) -> list[tuple[int, float]]:
    """Return the later leaks, such as those of the next runs, that a standing alert tells, and since when.

    A transition without evidence, such as that of the restart itself, tells nothing.
    """
    telling = [line["time"] for line in episode.lines if line.get("confidence", 1.0) > 0.0]
    first = {
        i: [t for t in telling if case.leaks[i].onset <= t <= case.leaks[i].end]
        for i in _still_standing(case, episode)
    }
    return [(i, times[0]) for i, times in first.items() if times]


def _clean_days(case: Case) -> float:
    ambiguous = sum(max(0.0, min(end, case.t1) - max(begin, case.t0)) for begin, end in case.ambiguous)
    leaking = sum(leak.life for leak in case.leaks)
    return max(0.0, case.t1 - case.t0 - ambiguous - leaking) / DAY


def _leak_outcome(leak: Leak, credit: tuple[float, Episode] | None) -> LeakOutcome:
    if credit is None:
        return LeakOutcome(leak.kind, leak.rate, found=False)
    time, episode = credit
    lines = [line for line in episode.lines if leak.onset <= line["time"] <= leak.end] or episode.lines[:1]
    kinds = [line["kind"] for line in lines if line.get("kind")]
    found = LeakOutcome(
        leak.kind,
        leak.rate,
        found=True,
        lead=(leak.end - time) / leak.life,
        delay=time - leak.onset,
        kind_named=kinds[-1] if leak.kind and kinds else None,
    )
    return _with_forecast(found, leak, lines) if leak.exhaust else found


def _with_forecast(outcome: LeakOutcome, leak: Leak, lines: Sequence[Alert]) -> LeakOutcome:
    early = [line for line in lines if line["time"] < leak.end]
    bounds = [
        (low, high, line["time"])
        for line in early
        if (low := line.get("eta_low")) is not None and (high := line.get("eta_high")) is not None
    ]
    points = [(eta, line["time"]) for line in early if (eta := line.get("eta")) is not None]
    covered = [low <= leak.end <= high for low, high, _ in bounds]
    widths = [(min(high, now + FARTHEST_SECONDS) - low) / (leak.end - now) for low, high, now in bounds]
    errors = [abs(eta - leak.end) / (leak.end - now) for eta, now in points]
    return replace(
        outcome,
        coverage=float(np.mean(covered)) if covered else None,
        width=float(np.median(widths)) if widths else None,
        eta_error=float(np.median(errors)) if errors else None,
    )


def summarise(outcomes: Sequence[SeriesOutcome]) -> Summary:
    """Return the figures of some series together."""
    leaks = [leak for o in outcomes for leak in o.leaks]
    found = [leak for leak in leaks if leak.found]
    true_alarms, false_alarms = sum(o.true_alarms for o in outcomes), sum(o.false_alarms for o in outcomes)
    days = sum(o.clean_days for o in outcomes)
    recall = _ratio(len(found), len(leaks))
    precision = _ratio(true_alarms, true_alarms + false_alarms)
    leads = [leak.lead for leak in found]
    return Summary(
        leaks=len(leaks),
        recall=recall,
        precision=precision,
        f1=2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0,
        false_alarms=false_alarms,
        false_alarms_per_100_days=_ratio(100 * false_alarms, days),
        lead=_percentile(leads),
        lead_all=_percentile([leak.lead or 0.0 for leak in leaks]),
        lead_p10=_percentile(leads, 10),
        delay_hours=_percentile([leak.delay for leak in found]) / 3600,
        kind_accuracy=_mean([leak.kind_right for leak in found]),
        eta_coverage=_mean([leak.coverage for leak in found]),
        eta_width=_percentile([leak.width for leak in found]),
        eta_error=_percentile([leak.eta_error for leak in found]),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _percentile(values: Iterable[float | None], q: float = 50) -> float:
    known = [value for value in values if value is not None]
    return float(np.percentile(known, q)) if known else NAN


def _mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else NAN


def bootstrap(outcomes: Sequence[SeriesOutcome], resamples: int, seed: int) -> Intervals:
    """Return the 2.5 and 97.5 percentiles of every figure over draws of series with replacement."""
    if not resamples or not outcomes:
        return {}
    rng = np.random.default_rng(seed)
    draws = [rng.integers(len(outcomes), size=len(outcomes)) for _ in range(resamples)]
    summaries = [summarise([outcomes[i] for i in draw]) for draw in draws]
    names = [f.name for f in fields(Summary) if f.name not in ("leaks", "false_alarms")]
    return {name: _interval([getattr(summary, name) for summary in summaries]) for name in names}


def _interval(values: list[float]) -> tuple[float, float]:
    known = np.array([value for value in values if not np.isnan(value)])
    if not len(known):
        return NAN, NAN
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
