"""What every notifier must do, over every registered one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, get_args

import msgspec
import pytest

from fleetleak.records.alert import AlertState
from fleetleak.stream.target import Delivered, Never, TryAgain
from sinks.notify import http
from sinks.notify.notifier import Notifier
from sinks.notify.notifiers import NOTIFIERS
from sinks.policy.conditions import BadPolicy
from tests.notify.cases import CASES, SECRET, Case, made
from tests.notify.notices import alert, notice, wild
from tests.notify.servers import WAIT_SECONDS, Failure, Inbox

SECONDS = 1.0
# An attempt also opens and closes connections, on a machine that has other work.
GRACE_SECONDS = 3.0
# The loggers of the servers of these tests.
SERVERS = ("mail.log", "mail.debug", "asyncio")
STATES: tuple[AlertState, ...] = get_args(AlertState)
TITLES = ("😀" * 120, 'a "quoted" <!channel> & <b>title</b>'.ljust(120, "x"), "n\n\r\n" * 30)

Run = Callable[..., AbstractContextManager["Running"]]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_failure = pytest.mark.parametrize(
    ("case", "failure"),
    [(case, failure) for case in CASES for failure in Failure if failure in case.failures],
    ids=str,
)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SECONDS", SECONDS)


class Running(NamedTuple):
    """A notifier and what stands in the place of its target."""

    notifier: Notifier
    inbox: Inbox


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    @contextmanager
    def running(case: Case, failure: Failure | None = None) -> Iterator[Running]:
        with case.serve(failure) as server:
            monkeypatch.setenv(SECRET, case.secret(server.url))
            notifier = case.notifier(server)
            yield Running(notifier, server.inbox)
            notifier.close()

    return running


def test_every_notifier_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(NOTIFIERS)


@every_case
def test_a_notice_of_every_state_arrives(run: Run, case: Case) -> None:
    with run(case) as (notifier, inbox):
        ref = None
        for state in STATES:
            answer = notifier.send(notice(alert(state=state), ref=ref))
            assert isinstance(answer, Delivered), answer
            ref = answer.ref or ref
        assert inbox.problems == []
        assert len(inbox.seen) >= len(STATES)


@every_case
def test_a_first_notice_has_its_title_and_its_facts(run: Run, case: Case) -> None:
    with run(case) as (notifier, inbox):
        sent = notice()
        notifier.send(sent)
        assert len(inbox.seen) == 1
        for words in (sent.title, *(text for fact in sent.facts for text in fact)):
            assert words in inbox.seen[0].text


@every_case
def test_the_same_notice_twice_is_accepted(run: Run, case: Case) -> None:
    with run(case) as (notifier, inbox):
        assert isinstance(notifier.send(notice()), Delivered)
        assert isinstance(notifier.send(notice()), Delivered)
        assert inbox.problems == []


@every_case
@pytest.mark.parametrize("title", TITLES, ids=["emoji", "markup", "newlines"])
@pytest.mark.parametrize("state", STATES)
def test_the_limits_of_the_target_are_kept(run: Run, case: Case, title: str, state: AlertState) -> None:
    with run(case) as (notifier, inbox):
        worst = wild(title, state)
        first = notifier.send(worst)
        assert isinstance(first, Delivered), (first, inbox.problems)
        second = notifier.send(msgspec.structs.replace(worst, ref=first.ref))
        assert isinstance(second, Delivered), (second, inbox.problems)
        assert inbox.problems == []


@every_case
def test_a_storm_names_its_services(run: Run, case: Case) -> None:
    services = ("shop/cart", "shop/checkout", "shop/search")
    with run(case) as (notifier, inbox):
        notifier.send(notice(key="storm@1790003960", services=services))
        notifier.send(notice())
        storm, single = (seen.text for seen in inbox.seen)
        assert "storm" in storm.lower()
        assert ", ".join(services) in storm
        assert "storm" not in single.lower()


@every_case
def test_a_large_storm_is_taken(run: Run, case: Case) -> None:
    services = tuple(f"service-{number}/{'n' * 240}" for number in range(3000))
    with run(case) as (notifier, inbox):
        assert isinstance(notifier.send(notice(services=services)), Delivered)
        assert inbox.problems == []
        assert "3000 services" in inbox.seen[0].text


@every_case
def test_a_test_says_that_it_is_one(run: Run, case: Case) -> None:
    with run(case) as (notifier, inbox):
        assert isinstance(notifier.send(notice(test=True)), Delivered)
        notifier.send(notice())
        assert inbox.problems == []
        assert "TEST" in inbox.seen[0].text
        assert "TEST" not in inbox.seen[-1].text


@every_failure
def test_every_failure_has_its_answer_and_shows_no_secret(
    run: Run, short: None, case: Case, failure: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), run(case, failure) as (notifier, inbox):
        started = time.monotonic()
        answer = notifier.send(notice())
        seconds = time.monotonic() - started
    assert seconds < SECONDS + GRACE_SECONDS
    assert isinstance(answer, Never if failure in case.refusals else TryAgain), answer
    assert answer.why.strip()
    assert inbox.seen == []
    assert_hidden(case, repr(notifier), repr(answer), caplog)


@pytest.mark.parametrize("case", [case for case in CASES if case.says_when], ids=str)
def test_a_busy_target_says_when(run: Run, case: Case) -> None:
    with run(case, Failure.BUSY) as (notifier, _):
        answer = notifier.send(notice())
        assert isinstance(answer, TryAgain)
        assert answer.after_seconds == WAIT_SECONDS


@every_case
def test_no_success_shows_a_secret(run: Run, case: Case, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), run(case) as (notifier, _):
        answer = notifier.send(notice())
    assert_hidden(case, repr(notifier), repr(answer), caplog)


@pytest.mark.parametrize("case", [case for case in CASES if case.hidden], ids=str)
def test_without_its_secret_it_is_a_bad_policy(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET, raising=False)
    with pytest.raises(BadPolicy, match=f"no environment variable {SECRET}"):
        made(case.kind, case.table("http://127.0.0.1:9"))


@every_case
def test_an_unknown_setting_is_a_bad_policy(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, case.secret("http://127.0.0.1:9"))
    with pytest.raises(BadPolicy, match="colour"):
        made(case.kind, {**case.table("http://127.0.0.1:9"), "colour": "red"})


def assert_hidden(case: Case, shown: str, answer: str, caplog: pytest.LogCaptureFixture) -> None:
    """Check that no secret is in a repr, an answer, or a line of the log with its fields."""
    lines = [f"{line.getMessage()} {vars(line)}" for line in caplog.records if line.name not in SERVERS]
    for text in (shown, answer, *lines):
        assert not any(secret in text for secret in case.hidden), text
