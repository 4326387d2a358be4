"""What Alertmanager takes: `postableAlerts` of its OpenAPI document, and what its server checks beside it."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class PostableAlert(Struct, rename="camel", forbid_unknown_fields=True):
    """One alert of a post."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")

    def __post_init__(self) -> None:
        wrong = [name for name in (*self.labels, *self.annotations) if not _NAME.fullmatch(name)]
        if wrong or not self.labels.get("alertname"):
            raise ValueError(f"no alertname, or names that Alertmanager refuses: {wrong}")
        for moment in (self.starts_at, self.ends_at):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("a time without a time zone")
        if self.starts_at and self.ends_at and self.ends_at < self.starts_at:
            raise ValueError("it ends before it starts")
        if self.generator_url is not None and not urlsplit(self.generator_url).scheme:
            raise ValueError("generatorURL is no URI")


def parsed(body: bytes) -> list[PostableAlert]:
    """Return the alerts of a post to /api/v2/alerts.

    Raises
    ------
    msgspec.ValidationError
        If Alertmanager would refuse it.
    """
    return msgspec.json.decode(body, type=list[PostableAlert])
