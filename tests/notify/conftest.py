"""A server that takes notices, and a policy file whose target it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notify.support import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def policy(receiver: Receiver, tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(f'[targets.hook]\nkind = "webhook"\nurl = "{receiver.url}"\nper_minute = 10000\n')
    return file
