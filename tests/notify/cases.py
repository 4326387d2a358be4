"""One case for each registered notifier; the conformance suite runs over them.

Another notifier: one more `Case`, and what stands behind its server in a `Target`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sinks.notify.notifier import Notifier
from sinks.notify.notifiers import NOTIFIERS
from sinks.policy.file import converted
from tests.notify.mailserver import PASSWORD, USER, Mailbox, mail_server
from tests.notify.servers import PASSING, Failure, Server, http_server
from tests.notify.targets import (
    ALERTMANAGER_BEARER,
    ALERTMANAGER_LOGIN,
    ALERTMANAGER_PASSWORD,
    APPRISE_PATH,
    PAGERDUTY_KEY,
    SLACK_TOKEN,
    SLACK_WEBHOOK,
    WEBHOOK_PATH,
    WEBHOOK_SECRET,
    AlertmanagerTarget,
    AppriseTarget,
    PagerDutyTarget,
    SlackTarget,
    WebhookTarget,
    stdout_lines,
)

SECRET = "FLEETLEAK_TEST_SECRET"
"""The environment variable with the secret of a notifier."""
HTTP_FAILURES = frozenset(Failure)


@dataclass(frozen=True)
class Case:
    """How to try a notifier.

    Parameters
    ----------
    kind
        The name in `NOTIFIERS`.
    serve
        Runs a server in the place of the target; with a failure it fails like that each time.
    table
        The settings, given the server's URL.
    secret
        The value of the environment variable `SECRET`, given the server's URL.
    hidden
        Texts that nobody may ever see, in repr, logs or answers.
    failures
        The failures that the target can have.
    refusals
        The failures after which another attempt is useless.
    says_when
        Whether a busy target says how long to wait, and the notifier can see it.
    """

    kind: str
    serve: Callable[[Failure | None], AbstractContextManager[Server]]
    table: Callable[[str], Mapping[str, Any]]
    secret: Callable[[str], str]
    hidden: tuple[str, ...]
    failures: frozenset[Failure] = HTTP_FAILURES
    refusals: frozenset[Failure] = HTTP_FAILURES - PASSING
    says_when: bool = True
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.kind

    def notifier(self, server: Server) -> Notifier:
        """Return the notifier of this case; its secret must be in the environment."""
        return made(self.kind, dict(self.table(server.url)))


def made(kind: str, table: Mapping[str, Any]) -> Notifier:
    """Return a notifier of a kind with the settings of a table."""
    notifier: type[Notifier] = import_module(NOTIFIERS[kind]).NOTIFIER
    return notifier(converted(dict(table), notifier.SETTINGS, kind))


def email_table(url: str) -> dict[str, Any]:
    """Return the settings of email for a mail server without TLS."""
    host, _, port = url.partition("://")[2].partition(":")
    return {
        "host": host,
        "port": int(port),
        "sender": "fleetleak@example.org",
        "to": ["ann@example.org", "bob@example.org"],
        "user": USER,
        "password": {"env": SECRET},
        "tls": "none",
    }


CASES = [
    Case(
        kind="pagerduty",
        serve=lambda failure: http_server(PagerDutyTarget(), failure),
        table=lambda url: {"routing_key": {"env": SECRET}, "url": f"{url}/v2/enqueue"},
        secret=lambda url: PAGERDUTY_KEY,
        hidden=(PAGERDUTY_KEY,),
    ),
    Case(
        kind="slack",
        serve=lambda failure: http_server(SlackTarget(), failure),
        table=lambda url: {"token": {"env": SECRET}, "channel": "C01", "url": f"{url}/api"},
        secret=lambda url: SLACK_TOKEN,
        hidden=(SLACK_TOKEN,),
    ),
    Case(
        kind="slack",
        name="slack-webhook",
        serve=lambda failure: http_server(SlackTarget(), failure),
        table=lambda url: {"webhook_url": {"env": SECRET}},
        secret=lambda url: url + SLACK_WEBHOOK,
        hidden=(SLACK_WEBHOOK, SLACK_WEBHOOK.rpartition("/")[2]),
    ),
    Case(
        kind="email",
        serve=lambda failure: mail_server(Mailbox(), failure),
        table=email_table,
        secret=lambda url: PASSWORD,
        hidden=(PASSWORD,),
        says_when=False,
    ),
    Case(
        kind="apprise",
        serve=lambda failure: http_server(AppriseTarget(), failure),
        table=lambda url: {"url": {"env": SECRET}},
        secret=lambda url: url.replace("http://", "json://") + APPRISE_PATH,
        hidden=(APPRISE_PATH.strip("/"),),
        # Apprise says only whether it worked.
        refusals=frozenset(),
        says_when=False,
    ),
    Case(
        kind="alertmanager",
        serve=lambda failure: http_server(AlertmanagerTarget(), failure),
        table=lambda url: {"urls": [url], "user": "fleetleak", "password": {"env": SECRET}},
        secret=lambda url: ALERTMANAGER_PASSWORD,
        hidden=(ALERTMANAGER_PASSWORD, ALERTMANAGER_LOGIN),
    ),
    Case(
        kind="alertmanager",
        name="alertmanager-bearer",
        serve=lambda failure: http_server(AlertmanagerTarget(), failure),
        table=lambda url: {"urls": [url], "bearer": {"env": SECRET}},
        secret=lambda url: ALERTMANAGER_BEARER,
        hidden=(ALERTMANAGER_BEARER,),
    ),
    Case(
        kind="webhook",
        serve=lambda failure: http_server(WebhookTarget(), failure),
        table=lambda url: {"url": f"{url}/hook", "secret": {"env": SECRET}},
        secret=lambda url: WEBHOOK_SECRET,
        hidden=(WEBHOOK_SECRET,),
    ),
    Case(
        kind="webhook",
        name="webhook-login",
        serve=lambda failure: http_server(WebhookTarget(), failure),
        table=lambda url: {"url": f"{url}{WEBHOOK_PATH}", "authorization": {"env": SECRET}},
        secret=lambda url: WEBHOOK_SECRET,
        hidden=(WEBHOOK_SECRET,),
    ),
    Case(
        kind="webhook",
        name="webhook-secret-url",
        serve=lambda failure: http_server(WebhookTarget(), failure),
        table=lambda url: {"url": {"env": SECRET}},
        secret=lambda url: url + WEBHOOK_PATH,
        hidden=(WEBHOOK_PATH.rpartition("/")[2],),
    ),
    Case(
        kind="stdout",
        serve=stdout_lines,
        table=lambda url: {},
        secret=lambda url: "",
        hidden=(),
        failures=frozenset(),
        says_when=False,
    ),
]
