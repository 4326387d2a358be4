"""The systemd units: well-formed, and each runs a command that there is."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from fleetleak_app.cli import COMMANDS, command_line

UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))
COMMAND = "/opt/fleetleak/bin/fleetleak"
each = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def service(unit: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    assert set(parser) == {"DEFAULT", "Unit", "Service", "Install"}
    return dict(parser["Service"])


def test_there_is_one_for_every_role() -> None:
    assert [unit.stem for unit in UNITS] == [
        "fleetleak-bridge-kafka", "fleetleak-bridge-otlp", "fleetleak-bridge-snapshots",
        "fleetleak-processor@", "fleetleak-producer", "fleetleak-sink-alerting", "fleetleak-sink-drift",
        "fleetleak-sink-notify",
    ]  # fmt: skip


@each
def test_its_command_is_one_of_ours(unit: Path) -> None:
    program, *words = service(unit)["ExecStart"].split()
    assert program == COMMAND
    assert words[0] in COMMANDS
    assert command_line(words).command == words[0]


@each
def test_it_is_started_again_but_for_wrong_settings(unit: Path) -> None:
    section = service(unit)
    assert (section["Restart"], section["RestartPreventExitStatus"]) == ("always", "2")
    assert int(section["TimeoutStopSec"]) > 10
    assert section["EnvironmentFile"] == "/etc/fleetleak/fleetleak.env"


def test_the_producer_sees_every_process_and_cgroup() -> None:
    (unit,) = (unit for unit in UNITS if "producer" in unit.name)
    section = service(unit)
    assert section["ProtectProc"] == "default"
    assert not {"PrivatePIDs", "ProcSubset", "InaccessiblePaths", "TemporaryFileSystem"} & section.keys()


@each
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_takes_it(unit: Path, tmp_path: Path) -> None:
    # The command is installed where the unit is used, not here.
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace(COMMAND, "/bin/true"))
    words = [shutil.which("systemd-analyze") or "", "verify", "--man=no", str(copy)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
