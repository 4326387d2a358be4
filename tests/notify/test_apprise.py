"""Apprise: what is sent through it, and what is said without it."""

from __future__ import annotations

import logging
import sys

import pytest

from fleetleak.stream.target import Delivered, TryAgain
from sinks.policy.conditions import BadPolicy
from tests.notify.cases import SECRET, made
from tests.notify.notices import notice
from tests.notify.servers import Failure, http_server
from tests.notify.targets import APPRISE_PATH, AppriseTarget

TABLE = {"url": {"env": SECRET}}


def test_the_body_is_the_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    target = AppriseTarget()
    with http_server(target) as server:
        monkeypatch.setenv(SECRET, server.url.replace("http://", "json://") + APPRISE_PATH)
        assert made("apprise", TABLE).send(notice()) == Delivered()
    assert target.problems == []
    title, _, body = target.seen[0].text.partition("\n")
    assert title == notice().title
    assert "growth: 38 MiB/h since 21 Sep 14:10 UTC" in body.splitlines()


def test_its_log_says_why_it_was_not_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with http_server(AppriseTarget(), Failure.REFUSED) as server, caplog.at_level(logging.WARNING):
        monkeypatch.setenv(SECRET, server.url.replace("http://", "json://") + APPRISE_PATH)
        answer = made("apprise", TABLE).send(notice())
    assert answer == TryAgain("the service did not take it; see its log line")
    assert "error=400" in caplog.text


@pytest.mark.parametrize("url", ["secret-token", "nothing://secret-token", "slack://secret-token"])
def test_what_is_no_url_of_it_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    monkeypatch.setenv(SECRET, url)
    with caplog.at_level(logging.DEBUG), pytest.raises(BadPolicy) as bad:
        made("apprise", TABLE)
    assert str(bad.value) == "the secret url of the kind apprise is not an Apprise URL"
    assert caplog.records == []


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv(SECRET, "json://localhost")
    with pytest.raises(BadPolicy, match="install fleetleak with its extra apprise"):
        made("apprise", TABLE)
