"""Where a history comes from: a server, files with Prometheus' names, or recorded series of any form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from fleetleak.records import Snapshot
from fleetleak.stream import Record
from fleetleak.text import moment
from fleetleak_app.backtest.answers import Answers
from fleetleak_app.backtest.files import Files, stored
from fleetleak_app.backtest.history import Piece, learn_infos, pieces
from fleetleak_app.backtest.plan import Plan, made
from fleetleak_app.reading import BadRecording, Notes, Options, Recording, judged, read
from fleetleak_app.replay.records import records, records_of
from producers.prometheus.api import Api
from producers.prometheus.assemble import REASONS, Assembler, Assumed
from producers.prometheus.matchers import Matcher
from producers.prometheus.series import Window

Say = Callable[[str], None]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Question:
    """What is asked of a source.

    Parameters
    ----------
    presets
        Names of presets; None: all that have data.
    assumed
        The limit and total, in bytes, of instances that have none.
    """

    presets: Sequence[str] | None = None
    matchers: Sequence[Matcher] = ()
    assumed: Assumed = field(default_factory=Assumed)


@dataclass(frozen=True)
class Given:
    """A source that is ready: its name for people, the time it covers, and its records in order of time.

    `notes` are complete when the records have passed.
    """

    name: str
    whole: Window
    records: Iterable[Record]
    notes: Callable[[], list[str]]


def of_server(
    api: Api, whole: Window, question: Question, answers: Answers, concurrency: int, now: float,
    say: Say, progress: Progress,
) -> Given:  # fmt: skip
    """Return the history of a server.

    Parameters
    ----------
    now
        Unix seconds: an older plan in the folder of answers is not used again.

    Raises
    ------
    NoData
        If the server has nothing that can be judged.
    ApiFailed
        If it does not answer; also while the records are read.
    """
    plan = answers.plan(now)
    if plan is not None:
        begin, end = moment(plan.begin), moment(plan.whole.end)
        say(f"goes on with an earlier backtest, of {begin} to {end}: what is kept is not asked for again")
    else:
        plan = made(api, whole, question.presets, question.matchers)
        answers.keep_plan(plan)
    _say_plan(plan, say)
    assembler = Assembler(plan.presets(), question.assumed)
    learn_infos(api, plan, question.matchers, answers, assembler, say)
    snapshots = _snapshots(pieces(api, plan, answers, concurrency), plan.whole, assembler, progress)

    def lines() -> list[str]:
        notes = Notes()
        for said, count in api.partial.items():
            notes.note(f"{count} answers lacked something: {said}")
        return _lines(notes, assembler)

    return Given(api.name, plan.whole, records_of(snapshots), lines)


def of_files(
    names: Sequence[str],
    question: Question,
    options: Options,
    step: float | None,
    say: Say,
    progress: Progress,
) -> Given:
    """Return the history in files.

    Raises
    ------
    BadRecording
        If a file cannot be read, or too little of it can be judged.
    NoData
        If the files have series of Prometheus, but none that is asked for.
    """
    notes = Notes()
    every = stored(names, notes)
    if every is None and (step or question.presets or question.matchers):
        raise BadRecording("--step, --preset and --match are for series with the names of Prometheus")
    shown = names[0] if len(names) == 1 else f"{len(names)} files"
    if every is None:
        return _of_recording(judged(read(names, options)), shown, progress)
    files = Files(every, question.presets, question.matchers, step)
    for preset in files.presets:
        say(f"{preset.name}: {files.series(preset):,} series, {preset.about}")
    assembler = Assembler(files.presets, question.assumed)
    for preset in files.presets:
        for info in preset.infos:
            assembler.learn(info, files.labels_of(info.metric))
    snapshots = _snapshots(files.pieces(), files.whole, assembler, progress)
    return Given(shown, files.whole, records_of(snapshots), lambda: _lines(notes, assembler))


def _of_recording(recording: Recording, name: str, progress: Progress) -> Given:
    times = recording.columns["timestamp"]
    step = _usual_step(recording)
    whole = Window(min(times), step, round((max(times) - min(times)) / step) + 1)

    def passing() -> Iterator[Record]:
        for number, record in enumerate(records(recording)):
            if number % 1000 == 0:
                progress(number / len(recording))
            yield record
        progress(1.0)

    return Given(name, whole, passing(), lambda: [*recording.notes.lines(), recording.summary()])


def _usual_step(recording: Recording) -> float:
    """Return the median time between two samples of one instance, in seconds."""
    own: dict[tuple[str, str], list[float]] = {}
    columns = (recording.columns[name] for name in ("service", "instance", "timestamp"))
    for service, instance, time in zip(*columns, strict=True):
        own.setdefault((service, instance), []).append(time)
    between = [later - earlier for times in own.values() for earlier, later in pairwise(sorted(times))]
    return median(between) if between else 60.0


def _snapshots(
    every: Iterable[Piece], whole: Window, assembler: Assembler, progress: Progress
) -> Iterator[Snapshot]:
    done = 0
    for piece in every:
        yield from assembler.snapshots(piece.window, piece.readings)
        done += piece.window.steps
        progress(done / whole.steps)


def _lines(notes: Notes, assembler: Assembler) -> list[str]:
    """Return what was noticed, when all has passed."""
    for reason, left in assembler.left.items():
        notes.leave(REASONS[reason], left.count, left.first)
    return [*notes.lines(), *([f"left out: {notes.reasons()}"] if notes.left else [])]


def _say_plan(plan: Plan, say: Say) -> None:
    for preset in plan.presets():
        series = max(one.series for one in plan.asked if one.preset == preset.name)
        say(f"{preset.name}: up to {series:,} series at once, {preset.about}")
    queries = len(plan.asked) * sum(1 for _ in plan.pieces())
    say(f"reading at most {plan.points:,} points in {queries:,} queries")
