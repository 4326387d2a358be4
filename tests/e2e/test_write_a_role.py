"""docs/write-a-role.md: its file and its line are all that a new role needs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from fleetleak.kafka import topics
from fleetleak.records import Snapshot, encode
from fleetleak.settings import Settings
from tests.e2e.support import environment, running
from tests.kafka.support import read_all, send, wait_for

pytestmark = pytest.mark.kafka

PAGE = Path(__file__).parents[2] / "docs" / "write-a-role.md"


@pytest.fixture
def program(tmp_path: Path) -> tuple[str, str]:
    """The command line, with the page's file beside the installed packages and its line in ROLES."""
    page = PAGE.read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (name, module) = re.findall(r'```\n"(\w+)": "processors\.(\w+)",\n```', page)[0]
    (tmp_path / f"{module}.py").write_text(code)
    return "-c", (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from fleetleak_app.roles import ROLES\n"
        f"ROLES[{name!r}] = {module!r}\n"
        "from fleetleak_app.__main__ import main\n"
        "sys.exit(main())"
    )


def snapshot(service: str, age_seconds: float) -> tuple[bytes, bytes]:
    made = Snapshot(service=service, instance=f"{service}-0", timestamp=time.time() - age_seconds)
    return service.encode(), encode(made)


def told(settings: Settings) -> list[tuple[str, bool]]:
    records = read_all(settings, f"{settings.kafka.topic_prefix}.silent-services")
    return [(one["service"], one["silent"]) for one in (orjson.loads(value) for _, _, value in records)]


def command(settings: Settings, program: tuple[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *program, *words], env=environment(settings), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_role_of_the_page_runs(settings: Settings, program: tuple[str, str], tmp_path: Path) -> None:
    created = command(settings, program, "topics", "create")
    assert f"{settings.kafka.topic_prefix}.silence-state" in created
    assert "silent-services" in command(settings, program, "topics", "plan")
    snapshots = topics.names(settings.kafka.topic_prefix).snapshots
    for start in range(2):
        with running(settings, tmp_path, {"silence": ["sink", "silence"]}, program) as roles:
            roles["silence"].wait_ready()
            if start == 0:
                send(settings, snapshots, [snapshot("cart", 1000), snapshot("shop", 0)], 0)
                wait_for(lambda: told(settings) == [("cart", True)], what="the silence")
            else:
                send(settings, snapshots, [snapshot("cart", 0)], 0)
                wait_for(lambda: told(settings) == [("cart", True), ("cart", False)], what="the return")
            status, metrics = roles["silence"].get("/metrics")
            assert status == 200
            assert "\nfleetleak_runtime_keys 2.0" in metrics or start == 0
            assert "fleetleak_sink_" not in metrics
            assert roles["silence"].end() < 10


def test_it_is_named_where_roles_are_named(settings: Settings, program: tuple[str, str]) -> None:
    assert "silence" in command(settings, program, "sink", "--help")
    verified = command(settings, program, "topics", "create") + command(settings, program, "topics", "verify")
    assert "all 14 topics fit" in verified
