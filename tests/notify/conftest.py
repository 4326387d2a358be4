"""A server that takes notices, and a policy file whose target it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notify.servers import http_server
from tests.notify.support import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    with http_server(made) as server:
        made.url = f"{server.url}/hook"
        yield made


@pytest.fixture
def policy(receiver: Receiver, tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(f'[targets.hook]\nkind = "webhook"\nurl = "{receiver.url}"\nper_minute = 10000\n')
    return file
