"""What mail servers are sent, and what their replies mean."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetleak.records.alert import History
from fleetleak.stream.target import Delivered, Never, TryAgain
from sinks.policy.conditions import BadPolicy
from tests.certificates import self_signed
from tests.notify.cases import SECRET, email_table, made
from tests.notify.mailserver import PASSWORD, Mailbox, mail_server
from tests.notify.notices import FACTS, alert, notice
from tests.notify.servers import Failure


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, PASSWORD)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def url(mailbox: Mailbox) -> Iterator[str]:
    with mail_server(mailbox) as server:
        yield server.url


def test_a_mail_has_the_facts(url: str, mailbox: Mailbox) -> None:
    made("email", email_table(url)).send(notice())
    (mail,) = mailbox.mails
    assert mail["From"] == "fleetleak@example.org"
    assert mail["To"] == "ann@example.org, bob@example.org"
    assert mail["Subject"] == "shop/cart leaks 38 MiB/h in 6 of 8 instances; limit in 9 h"
    assert mail["Auto-Submitted"] == "auto-generated"
    lines = mail.get_content().splitlines()
    assert "state: firing, severity: high" in lines
    assert [f"{name}: {text}" for name, text in FACTS] == lines[3:7]


def test_a_mail_has_the_picture(url: str, mailbox: Mailbox) -> None:
    history = History(times=[1.0, 2.0, 3.0], memory=[1, 2, 3])
    made("email", email_table(url)).send(notice(alert(history=history)))
    (mail,) = mailbox.mails
    (attached,) = mail.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("image/png", "memory.png")
    assert attached.get_content().startswith(b"\x89PNG")


def test_the_mails_of_an_alert_are_a_thread(url: str, mailbox: Mailbox) -> None:
    email = made("email", email_table(url))
    answer = email.send(notice())
    for state in ("updated", "resolved"):
        assert isinstance(answer, Delivered)
        answer = email.send(notice(alert(state=state), ref=answer.ref))
    first, *later = mailbox.mails
    assert answer == Delivered(first["Message-ID"])
    assert first["References"] is None
    assert [mail["References"] for mail in later] == [first["Message-ID"]] * 2
    assert [mail["In-Reply-To"] for mail in later] == [first["Message-ID"]] * 2
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 3


def test_a_mail_is_the_same_when_it_is_sent_again(url: str, mailbox: Mailbox) -> None:
    email = made("email", email_table(url))
    email.send(notice())
    email.send(notice())
    email.send(notice(alert(time=1790004081.0)))
    ids = [mail["Message-ID"] for mail in mailbox.mails]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@example.org>")


def test_a_wrong_password_is_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "another")
    answer = made("email", email_table(url)).send(notice())
    assert answer == Never("refused", "535: the user or password is wrong")


def test_a_server_that_wants_no_password(mailbox: Mailbox, url: str) -> None:
    table = {name: value for name, value in email_table(url).items() if name not in ("user", "password")}
    answer = made("email", table).send(notice())
    assert answer == Never("refused", "530 5.7.0 log in first")


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (Failure.BUSY, TryAgain("450 4.2.1 too many mails")),
        (Failure.BROKEN, TryAgain("451 4.3.0 disk full")),
        (Failure.REFUSED, Never("refused", "550 5.1.1 no such user; you are fleetleak with ***")),
    ],
)
def test_replies_decide(mailbox: Mailbox, failure: Failure, answer: object) -> None:
    with mail_server(mailbox, failure) as server:
        assert made("email", email_table(server.url)).send(notice()) == answer


def test_one_wrong_recipient_does_not_hold_up_the_others(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server(mailbox, unknown="bob@example.org") as server, caplog.at_level(logging.WARNING):
        assert isinstance(made("email", email_table(server.url)).send(notice()), Delivered)
    assert len(mailbox.mails) == 1
    line = next(line for line in caplog.records if line.name.startswith("sinks."))
    assert vars(line)["recipients"] == ["bob@example.org"]


def test_starttls_that_the_server_lacks_is_a_refusal(url: str, mailbox: Mailbox) -> None:
    answer = made("email", {**email_table(url), "tls": "starttls"}).send(notice())
    assert isinstance(answer, Never)
    assert "STARTTLS" in answer.why
    assert mailbox.mails == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("trusted", [True, False])
def test_tls_with_a_certificate_that_is_checked(
    mailbox: Mailbox,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    tls: str,
    trusted: bool,
) -> None:
    key, public = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, key)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
    starttls, immediate = (context, None) if tls == "starttls" else (None, context)
    with mail_server(mailbox, starttls=starttls, tls=immediate) as server:
        answer = made("email", {**email_table(server.url), "tls": tls}).send(notice())
    if trusted:
        assert isinstance(answer, Delivered), answer
        assert len(mailbox.mails) == 1
    else:
        assert isinstance(answer, TryAgain)
        assert "CERTIFICATE_VERIFY_FAILED" in answer.why
        assert mailbox.mails == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": None}, "user and password go together"),
        ({"password": None}, "user and password go together"),
        ({"to": []}, "to"),
        ({"to": ["ann@example.org\nBcc: bob@example.org"]}, "to"),
        ({"sender": "fleetleak"}, "sender"),
        ({"tls": "ssl"}, "tls"),
        ({"user": "ä"}, "ASCII"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadPolicy, match=words):
        made("email", {**email_table("smtp://127.0.0.1:25"), **changes})
