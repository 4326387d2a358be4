"""The history of a server: pieces of time, each asked for ahead of its use by a few threads."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, TypeVar

from fleetleak_app.backtest.answers import Answers
from fleetleak_app.backtest.plan import Plan
from producers.prometheus.api import Api, ApiFailed
from producers.prometheus.assemble import Assembler
from producers.prometheus.discover import Asked, infos, source_of
from producers.prometheus.matchers import Matcher
from producers.prometheus.preset import Source
from producers.prometheus.series import Points, Window

# So long a time is asked for at once for the labels of infos.
_INFO_SECONDS = 7 * 86_400.0
_END_SECONDS = 5.0
A = TypeVar("A")


class Piece(NamedTuple):
    """The answers for one window, by preset and source."""

    window: Window
    readings: dict[str, list[tuple[Source, list[Points]]]]


def pieces(api: Api, plan: Plan, answers: Answers, concurrency: int) -> Iterator[Piece]:
    """Yield the pieces of a plan in order of time; an answer that is kept already is not asked for.

    Raises
    ------
    ApiFailed
        If the server does not answer.
    """
    every = [
        (number, at, window, asked)
        for number, window in enumerate(plan.pieces())
        for at, asked in enumerate(plan.asked)
    ]

    def answer(number: int, at: int, window: Window, asked: Asked) -> list[Points]:
        name = f"{number:06d}-{at:03d}"
        known = answers.get(name, list[Points])
        if known is None:
            known = api.range(plan.query(asked), window)
            answers.put(name, known)
        return known

    came = ahead([partial(answer, *one) for one in every], concurrency, 2 * concurrency)
    for window in plan.pieces():
        readings: dict[str, list[tuple[Source, list[Points]]]] = {}
        for asked in plan.asked:
            readings.setdefault(asked.preset, []).append((source_of(asked), next(came)))
        yield Piece(window, readings)


def learn_infos(
    api: Api,
    plan: Plan,
    matchers: Sequence[Matcher],
    answers: Answers,
    assembler: Assembler,
    say: Callable[[str], None],
) -> None:
    """Read who owns what; without an answer, names are made of what the series themselves say."""
    names = [preset.name for preset in plan.presets()]
    for number, (info, select) in enumerate(infos(names, matchers)):
        try:
            parts = list(_info(api, plan, select, answers, f"info-{number:03d}"))
        except ApiFailed as error:
            # Half of it would name a pod in one week otherwise than in the next.
            say(f"{info.metric} cannot be read, so names are made without it: {error}")
            continue
        for every in parts:
            assembler.learn(info, every)


def _info(api: Api, plan: Plan, select: str, answers: Answers, name: str) -> Iterator[list[dict[str, str]]]:
    """Yield the labels of one info, part by part."""
    begin, part = plan.begin, 0
    while begin <= plan.whole.end:
        end = min(begin + _INFO_SECONDS, plan.whole.end)
        every = answers.get(f"{name}-{part:03d}", list[dict[str, str]])
        if every is None:
            every = api.series(select, begin, end)
            answers.put(f"{name}-{part:03d}", every)
        yield every
        begin, part = end + plan.step, part + 1


def ahead(works: Iterable[Callable[[], A]], threads: int, most: int) -> Iterator[A]:
    """Yield the results of calls in their order; at most `most` wait or run beside the one that is due.

    The threads do not keep the process alive: Ctrl-C does not wait for a slow server. After all other ends
    they get some seconds, so that no connection is closed under a call.

    Examples
    --------
    >>> list(ahead([partial(pow, 2, n) for n in range(4)], threads=2, most=2))
    [1, 2, 4, 8]
    """
    jobs: queue.SimpleQueue[tuple[Callable[[], A], Future[A]] | None] = queue.SimpleQueue()
    workers = [threading.Thread(target=_work, args=(jobs,), daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    waiting: deque[Future[A]] = deque()
    patience = _END_SECONDS
    try:
        for work in works:
            future: Future[A] = Future()
            waiting.append(future)
            jobs.put((work, future))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except (GeneratorExit, KeyboardInterrupt):
        patience = 0.0
        raise
    finally:
        for future in waiting:
            future.cancel()
        for _ in workers:
            jobs.put(None)
        for worker in workers:
            worker.join(patience)


def _work(jobs: queue.SimpleQueue[Any]) -> None:
    while (job := jobs.get()) is not None:
        work, future = job
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
