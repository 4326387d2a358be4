"""Email over SMTP; the mails of one alert are one thread.

Do not use it to wake people: a mail can be late, and nobody must acknowledge it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from fleetleak.stream.target import Answer, Delivered, Never, TryAgain
from sinks import picture
from sinks.notify import http, words
from sinks.notify.deadline import Deadline
from sinks.notify.notifier import Notice, Notifier
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret

log = logging.getLogger(__name__)

_STEP_SECONDS = 10.0
_MOST_SUBJECT = 200
_REFUSALS = 500
_ADDRESS = r"^[^@\s<>,;]+@[^@\s<>,;]+$"
Address = Annotated[str, Meta(pattern=_ADDRESS, max_length=254)]


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The table of a target of the kind `email`.

    Parameters
    ----------
    tls
        `starttls`, `tls` from the first byte (usually on port 465), or `none`.
    """

    host: str
    sender: Address
    to: Annotated[list[Address], Meta(min_length=1, max_length=100)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    user: str | None = None
    password: Secret | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"

    def __post_init__(self) -> None:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together: give both")


class _Plain(smtplib.SMTP):
    """It is in `opened` before it connects, which it does at once: a deadline covers the greeting too."""

    def __init__(self, opened: list[smtplib.SMTP], *where: Any, **options: Any) -> None:
        opened.append(self)
        super().__init__(*where, **options)


class _Tls(_Plain, smtplib.SMTP_SSL):
    """Like `_Plain`."""


class Email(Notifier):
    """Sends a mail for every notice, over a connection of its own."""

    SETTINGS = Settings
    DEDUPLICATES = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._password = settings.password.value() if settings.password else ""
        if not (self._password + (settings.user or "")).isascii():
            raise BadPolicy("the user and the password of email can have ASCII characters only")

    def send(self, notice: Notice) -> Answer:
        """Send one mail."""
        mail = self._mail(notice)
        opened: list[smtplib.SMTP] = []
        with Deadline(http.SECONDS, lambda: opened[0].sock if opened else None) as deadline:
            try:
                self._converse(mail, opened)
            except (smtplib.SMTPException, OSError) as error:
                if deadline.passed:
                    return TryAgain(f"the mail server did not take it within {http.SECONDS:g} s")
                return self._meaning(error)
            finally:
                for smtp in opened:
                    smtp.close()
        return Delivered(notice.ref or mail["Message-ID"])

    def _converse(self, mail: EmailMessage, opened: list[smtplib.SMTP]) -> None:
        settings = self._settings
        smtp = self._connected(opened)
        if settings.tls == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if settings.user is not None:
            smtp.login(settings.user, self._password)
        refused = smtp.send_message(mail)
        if refused:  # another attempt would send it twice to the others
            log.warning("the mail server refused some recipients", extra={"recipients": sorted(refused)})
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()

    def _connected(self, opened: list[smtplib.SMTP]) -> smtplib.SMTP:
        settings, seconds = self._settings, min(_STEP_SECONDS, http.SECONDS)
        if settings.tls == "tls":
            context = ssl.create_default_context()
            return _Tls(opened, settings.host, settings.port, timeout=seconds, context=context)
        return _Plain(opened, settings.host, settings.port, timeout=seconds)

    def _mail(self, notice: Notice) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = words.cut(words.headline(notice), _MOST_SUBJECT)
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.to)
        mail["Date"] = format_datetime(datetime.fromtimestamp(notice.alert.time, UTC))
        mail["Message-ID"] = self._id(notice)
        mail["Auto-Submitted"] = "auto-generated"
        if notice.ref:
            mail["In-Reply-To"] = mail["References"] = notice.ref
        mail.set_content(words.plain(notice))
        if not notice.services and (drawn := _picture(notice)) is not None:
            mail.add_attachment(drawn, "image", "png", filename="memory.png")
        return mail

    def _id(self, notice: Notice) -> str:
        """Return the same name for the same notice: many mail servers drop a repetition by it."""
        parts = f"{notice.key}\n{notice.state}\n{notice.alert.time!r}"
        name = hashlib.sha256(parts.encode()).hexdigest()[:40]
        return f"<{name}@{self._settings.sender.partition('@')[2]}>"

    def _meaning(self, error: smtplib.SMTPException | OSError) -> Answer:
        """Return what an error means: a reply of 4xx and a broken connection pass, others do not."""
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            replies = list(error.recipients.values())
            return self._of_reply(*next((r for r in replies if r[0] < _REFUSALS), replies[0]))
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= _REFUSALS:
            return Never("refused", f"{error.smtp_code}: the user or password is wrong")
        if isinstance(error, smtplib.SMTPResponseException):
            return self._of_reply(error.smtp_code, error.smtp_error)
        if isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(error, smtplib.SMTPException):
            return TryAgain(f"{type(error).__name__}: {error}")
        return Never("refused", str(error))

    def _of_reply(self, code: int, said: bytes | str) -> Answer:
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        if self._password:
            text = text.replace(self._password, "***")
        why = words.cut(words.one_line(f"{code} {text}"), 200)
        return Never("refused", why) if code >= _REFUSALS else TryAgain(why)


def _picture(notice: Notice) -> bytes | None:
    """Return the picture of an alert; a mail without one is better than none."""
    try:
        return picture.png(notice.alert)
    except Exception:
        log.exception("the picture could not be drawn")
        return None


NOTIFIER = Email
