"""Addresses and secrets that no request can have are refused at the start, and not shown."""

from __future__ import annotations

from typing import Any

import pytest

from sinks.policy.conditions import BadPolicy
from tests.notify.cases import SECRET, made

LOGIN = {"env": SECRET}
HOST = "https://h.example"


@pytest.mark.parametrize(
    ("kind", "table", "words"),
    [
        ("pagerduty", {"routing_key": LOGIN, "url": "events.pagerduty.com"}, "url must be an address"),
        ("slack", {"token": LOGIN, "channel": "C01", "url": "slack.com/api"}, "url must be an address"),
        ("webhook", {"url": LOGIN}, "url must be an address"),
        ("webhook", {"url": HOST.replace("//", "//me:secret@")}, "url has a login in it"),
    ],
)
def test_what_is_no_address(
    kind: str, table: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "no-address-but-secret")
    with pytest.raises(BadPolicy, match=words) as bad:
        made(kind, table)
    assert "secret" not in str(bad.value).replace("a secret is no part", "")


@pytest.mark.parametrize("secret", ["tokén", "two\nlines"])
@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("alertmanager", {"urls": [HOST], "bearer": LOGIN}),
        ("webhook", {"url": HOST, "authorization": LOGIN}),
        ("slack", {"token": LOGIN, "channel": "C01"}),
    ],
)
def test_what_no_header_can_have(
    kind: str, table: dict[str, Any], secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, secret)
    with pytest.raises(BadPolicy) as bad:
        made(kind, table)
    assert secret not in str(bad.value)
