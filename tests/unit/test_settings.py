"""Settings: which source wins, what is refused and in which words, and what is never printed."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fleetleak.kafka import client
from fleetleak.settings import BadSetting, Loaded, Settings, load
from fleetleak.settings.load import Setting, all_settings
from fleetleak_app.cli import main
from fleetleak_app.docs import pages

ROOT = Path(__file__).parents[2]
SETTINGS = {s.path: s for s in all_settings()}
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FLEETLEAK_")]:
        monkeypatch.delenv(name)


class Sources:
    """Loads one setting from each of its sources."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "settings.toml"

    def file(self, text: str) -> Loaded:
        self._file.write_text(text)
        return load(str(self._file), {})

    def in_file(self, setting: Setting, value: str) -> Loaded:
        return self.file(f"[{setting.section}]\n{setting.name} = {value}\n")

    def in_environment(self, setting: Setting, value: str) -> Loaded:
        return load(None, {setting.variable: value})

    def by_flag(self, setting: Setting, value: str) -> Loaded:
        return load(None, {}, {setting.path: [value] if setting.repeats else value})


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


def value_of(loaded: Loaded, path: str) -> Any:
    section, name = path.split(".")
    return getattr(getattr(loaded.settings, section), name)


def test_the_later_source_wins(tmp_path: Path) -> None:
    path = "topics.partitions"
    file = tmp_path / "s.toml"
    file.write_text("[topics]\npartitions = 2\n")
    environment, flags = {"FLEETLEAK_TOPICS_PARTITIONS": "3"}, {path: "4"}
    found = [
        load(None, {}),
        load(str(file), {}),
        load(str(file), environment),
        load(str(file), environment, flags),
    ]
    assert [value_of(one, path) for one in found] == [8, 2, 3, 4]
    assert [one.origin[path] for one in found] == ["default", "file", "environment", "flag"]


def test_every_setting_has_an_origin_and_only_its_own_changes() -> None:
    loaded = load(None, {"FLEETLEAK_LOG_LEVEL": "debug"})
    assert loaded.origin == dict.fromkeys(SETTINGS, "default") | {"log.level": "environment"}
    changed = Settings()
    changed.log.level = "debug"
    assert loaded.settings == changed


def test_the_environment_may_name_the_file_and_a_flag_wins_over_it(tmp_path: Path) -> None:
    one, two = tmp_path / "1.toml", tmp_path / "2.toml"
    one.write_text("[log]\nlevel = 'error'")
    two.write_text("[log]\nlevel = 'warning'")
    environment = {"FLEETLEAK_CONFIG": str(one)}
    assert load(None, environment).settings.log.level == "error"
    assert load(str(two), environment).settings.log.level == "warning"


def test_defaults_are_shared_by_nobody() -> None:
    Settings().kafka.properties["changed"] = "1"
    assert Settings().kafka.properties == {}


def test_lists_and_pairs_are_read_from_every_source(sources: Sources) -> None:
    patterns, properties = SETTINGS["producer.match"], SETTINGS["kafka.properties"]
    for loaded in (
        sources.in_file(patterns, '["a+", "b"]'),
        sources.in_environment(patterns, "a+,b"),
        sources.in_environment(patterns, '["a+", "b"]'),
        load(None, {}, {patterns.path: ["a+", "b"]}),
    ):
        assert loaded.settings.producer.match == ["a+", "b"]
    for loaded in (
        sources.in_file(properties, '{ "linger.ms" = "5", "acks" = "all" }'),
        sources.in_environment(properties, "linger.ms=5,acks=all"),
        sources.in_environment(properties, '{"linger.ms": "5", "acks": "all"}'),
        load(None, {}, {properties.path: ["linger.ms=5", "acks=all"]}),
    ):
        assert loaded.settings.kafka.properties == {"linger.ms": "5", "acks": "all"}
    only_first_sign_parts = load(None, {}, {properties.path: ["sasl.jaas.config=a=b c"]})
    assert only_first_sign_parts.settings.kafka.properties == {"sasl.jaas.config": "a=b c"}


def beyond(setting: Setting) -> Iterator[tuple[str, str]]:
    """Yield each bound of a number and the nearest number outside it, as text."""
    match setting.bare:
        case msgspec.inspect.IntType(ge=low, le=high):
            step = 1.0
        case msgspec.inspect.FloatType(ge=low, le=high):
            step = 0.0005
        case _:
            return
    for bound, other in ((low, -step), (high, step)):
        assert bound is not None, f"{setting.path} has no bound"
        yield str(bound), str(bound + int(other) if step == 1.0 else bound + other)


def test_what_holds_of_every_setting(sources: Sources) -> None:
    every = SETTINGS.values()
    assert len({s.variable for s in every}) == len({s.flag for s in every}) == len(every)
    for setting in every:
        assert setting.help.endswith("."), setting.path
        assert "|" not in setting.help, f"{setting.path}: it would end a cell of the table"
        assert msgspec.convert(setting.default, setting.type) == setting.default, setting.path
        for bound, outside in beyond(setting):
            assert value_of(sources.in_environment(setting, bound), setting.path) == float(bound)
            with pytest.raises(BadSetting, match=f"^setting {setting.path} "):
                sources.in_environment(setting, outside)


KINDS = {
    "topics.partitions": (
        "a whole number from 1 to 4096", ("x", "", "1.5", "nan", "true", "0", "4097"),
    ),
    "topics.snapshot_hours": (
        "a number from 0.05 to 8760",
        ("x", "", "nan", "inf", "Infinity", "-inf", "1e999", "true", "0.04", "8760.01"),
    ),
    "log.level": ("one of debug, error, info, warning", ("x", "")),
    "kafka.properties": (
        "name=value pairs, separated by commas", ("x", '{"a": 5}', '["a"]', '{"a":' * 100_000),
    ),
    "producer.match": ("a list of words, separated by commas", ("[1]", '["unended"', "[" * 100_000)),
    "kafka.bootstrap_servers": ("text", ("",)),
    "kafka.topic_prefix": (r"text that fits \A[A-Za-z0-9_-]+\Z", ("", "a b", "ä", "a/b", "abc\n")),
}  # fmt: skip
"""One setting of each kind: what it takes in words, and text that it must refuse."""


@pytest.mark.parametrize("path", KINDS)
def test_bad_text_is_refused_in_one_line(sources: Sources, path: str) -> None:
    setting, (words, values) = SETTINGS[path], KINDS[path]
    for value in values:
        with pytest.raises(BadSetting) as caught:
            sources.in_environment(setting, value)
        check_refusal(caught.value, setting, setting.variable, value, words)
        if setting.repeats and value[:1] in ("[", "{"):
            continue  # a flag's item is taken as it is
        with pytest.raises(BadSetting) as caught:
            sources.by_flag(setting, value)
        check_refusal(caught.value, setting, setting.flag, [value] if setting.repeats else value, words)


def check_refusal(error: BadSetting, setting: Setting, place: str, value: object, words: str) -> None:
    shown = repr("***" if setting.path == "kafka.properties" else value)
    assert str(error) == f"setting {setting.path} (from {place}) is {shown}: give {words}"
    assert "\n" not in str(error)


@pytest.mark.parametrize("path", ["topics.partitions", "topics.snapshot_hours"])
def test_bad_values_in_the_file_are_refused(sources: Sources, path: str) -> None:
    for value in ("nan", "-inf", "true", '"5"', "[5]", "-1e300", "{ a = 1 }", "-1", "1e9"):
        with pytest.raises(BadSetting) as caught:
            sources.in_file(SETTINGS[path], value)
        message = str(caught.value)
        assert message.startswith(f"setting {path} (from the file) is ")
        fix = "write it without quotes" if value == '"5"' else f"give {KINDS[path][0]}"
        assert message.endswith(f": {fix}")


@pytest.mark.parametrize(
    ("path", "value", "limit"),
    [
        ("processor.memory_budget_bytes", "1048570", "from 1048576 to 1099511627776"),
        ("processor.forget_seconds", "2e9", "from 60 to 1000000000"),
        ("runtime.commit_interval_seconds", "0.01", "from 0.02 to 60"),
    ],
)
def test_limits_are_told_exactly(path: str, value: str, limit: str) -> None:
    with pytest.raises(BadSetting, match=f"{limit}$"):
        load(None, {}, {path: value})


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("kafka.bootstrap_servers", "5", "text"),
        ("kafka.bootstrap_servers", '""', "text"),
        ("kafka.topic_prefix", '"a.b"', r"text that fits \A[A-Za-z0-9_-]+\Z"),
        ("kafka.instance_id", "5", "text, or nothing"),
        ("kafka.group_protocol", '"Classic"', "one of classic, consumer"),
        ("kafka.properties", '"linger.ms=5"', "name=value pairs, separated by commas"),
        ("kafka.properties", '{ "linger.ms" = 5 }', "name=value pairs, separated by commas"),
        ("producer.collectors", "[1]", "a list of words, separated by commas, or nothing"),
        ("log.level", '"verbose"', "one of debug, error, info, warning"),
    ],
)
def test_values_of_the_wrong_type_in_the_file_are_refused(
    sources: Sources, path: str, value: str, words: str
) -> None:
    with pytest.raises(BadSetting, match=f": give {re.escape(words)}$"):
        sources.in_file(SETTINGS[path], value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[kafka]\nbotstrap_servers = 'x'", "kafka.botstrap_servers; did you mean kafka.bootstrap_servers?"),
        ("[topic]\npartitions = 5", "topic.partitions; did you mean topics.partitions?"),
        ("[kafka.propertys]\na = '1'", "kafka.propertys; did you mean kafka.properties?"),
        ("zz = 1", "zz; see `fleetleak config`"),
        ("[[kafka]]\nbootstrap_servers = 'x'", "kafka;"),
    ],
)
def test_unknown_names_in_the_file_are_refused_with_a_hint(sources: Sources, text: str, words: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(f"there is no setting {words}")):
        sources.file(text)


def test_a_file_that_cannot_be_used_is_refused(sources: Sources, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"none\.toml: No such file"):
        load(str(tmp_path / "none.toml"), {})
    with pytest.raises(BadSetting, match="Is a directory"):
        load(str(tmp_path), {})
    with pytest.raises(BadSetting, match="is not TOML"):
        sources.file("[kafka")
    with pytest.raises(BadSetting, match="is not TOML"):
        sources.file("a = " + "[" * 100_000)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadSetting, match="is not TOML"):
        load(str(tmp_path / "binary.toml"), {})


def test_a_stray_variable_is_only_warned_of() -> None:
    loaded = load(None, {"FLEETLEAK_QQQQQQQQQQQQQQQQ": "10.0.0.1", "FLEETLEAK_CONFIG": "", "HOME": "/"})
    assert loaded.warnings == ["environment variable FLEETLEAK_QQQQQQQQQQQQQQQQ is not a setting"]
    assert set(loaded.origin.values()) == {"default"}


def test_a_word_where_a_list_is_needed_is_told_how_to_write_it(sources: Sources) -> None:
    with pytest.raises(BadSetting) as caught:
        sources.in_file(SETTINGS["producer.match"], '"java"')
    assert str(caught.value) == (
        "setting producer.match (from the file) is the text 'java': write [\"java\"]"
    )


def test_one_flag_may_hold_several(sources: Sources) -> None:
    collectors, properties = SETTINGS["producer.collectors"], SETTINGS["kafka.properties"]
    assert value_of(sources.by_flag(collectors, "host,cgroup"), collectors.path) == ["host", "cgroup"]
    found = value_of(sources.by_flag(properties, "a=b,ssl.cipher.suites=A,B,c=d"), properties.path)
    assert found == {"a": "b", "ssl.cipher.suites": "A,B", "c": "d"}
    whole = SETTINGS["producer.match"]
    assert value_of(sources.by_flag(whole, "a{1,2}"), whole.path) == ["a{1,2}"]
    as_json = sources.by_flag(properties, '{"sasl.password": "a,b=c"}')
    assert value_of(as_json, properties.path) == {"sasl.password": "a,b=c"}


SECRETS = (
    "sasl.password",
    "sasl.jaas.config",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "SASL.PASSWORD",
)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("how", [[], ["--json"]], ids=["text", "json"])
def test_config_masks_secrets(name: str, how: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    shown = ["--kafka-properties", f"{name}={SECRET}", "--kafka-properties", "linger.ms=5"]
    assert main(["config", *how, *shown]) == 0
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    told = json.loads(out)["kafka.properties"]["value"] if how else tomllib.loads(out)["kafka"]["properties"]
    assert told == {name: "***", "linger.ms": "5"}


@pytest.mark.parametrize(
    "text",
    [
        f"sasl.password={SECRET},unpaired",
        f"sasl.password=ab,{SECRET}",
        f"anything={SECRET},unpaired",
        f'{{"sasl.password":"{SECRET}"',
        f'["sasl.password","{SECRET}"]',
        f'{{"sasl.password":{{"a":"{SECRET}"}}}}',
    ],
)
def test_a_refusal_of_text_shows_no_secret(text: str) -> None:
    for attempt in (
        {"environment": {"FLEETLEAK_KAFKA_PROPERTIES": text}},
        {"flags": {"kafka.properties": text}},
    ):
        with pytest.raises(BadSetting) as caught:
            load(None, **({"environment": {}} | attempt))
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f'[kafka.properties]\nsasl.password = "{SECRET}"', "{'sasl': '***'}"),
        (f'[kafka.properties]\n"sasl.password" = "{SECRET}"\nb = 5', "{'sasl.password': '***', 'b': '***'}"),
        (f'[kafka]\nproperties = ["sasl.password", "{SECRET}"]', "'***'"),
        (f'[kafka]\nproperties = "sasl.password={SECRET}"', "'***'"),
    ],
)
def test_a_refusal_of_the_file_shows_names_only(sources: Sources, text: str, shown: str) -> None:
    with pytest.raises(BadSetting) as caught:
        sources.file(text)
    assert str(caught.value).startswith(f"setting kafka.properties (from the file) is {shown}: give ")


def test_config_as_json_is_one_line_with_value_and_origin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--json", "--topics-partitions", "5"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    found = json.loads(out)
    assert list(found) == list(SETTINGS)
    assert found["topics.partitions"] == {"value": 5, "origin": "flag"}
    assert found["log.level"] == {"value": "info", "origin": "default"}


def test_config_prints_every_setting_once_with_its_origin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert out.count(" # default\n") == len(SETTINGS)
    found = {f"{section}.{name}" for section, leaves in tomllib.loads(out).items() for name in leaves}
    assert found == {path for path, setting in SETTINGS.items() if setting.default is not None}
    assert "# instance_id =" in out


def test_what_config_prints_is_a_file_of_the_same_settings(
    sources: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = ["--producer-match", 'a"b\\.c # "', "--kafka-properties", "a=b c", "--producer-host", "ä"]
    assert main(["config", *odd]) == 0
    read = sources.file(capsys.readouterr().out).settings
    assert read.producer.match == ['a"b\\.c # "']
    assert read.kafka.properties == {"a": "b c"}
    read.producer.match, read.kafka.properties, read.producer.host = [], {}, None
    assert read == Settings()


def test_the_reference_is_not_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--reference"]) == 0
    page = (ROOT / "docs" / "settings.md").read_text()
    assert page == capsys.readouterr().out, "run `fleetleak config --reference > docs/settings.md`"
    assert page == pages()["docs/settings.md"]
    for setting in SETTINGS.values():
        assert page.count(f"| `{setting.path}` |") == 1


def test_properties_of_librdkafka_pass_through_and_win() -> None:
    given = {
        "security.protocol": "SASL_SSL",
        "bootstrap.servers": "elsewhere:1",
        "linger.ms": "7",
        "client.id": "mine",
        "enable.auto.commit": "true",
        "transaction.timeout.ms": "1234",
    }
    kafka = load(None, {}, {"kafka.properties": [f"{k}={v}" for k, v in given.items()]}).settings.kafka
    for made in (
        client.common(kafka, **{"client.id": "ours"}),
        client.producer(kafka, **{"linger.ms": 1}),
        client.transactional(kafka, "id", 10.0),
        client.consumer(kafka, "group", **{"enable.auto.commit": False}),
    ):
        assert made | given == made
    assert client.transactional(kafka, "id", 10.0)["transactional.id"] == "id"


def test_clients_are_safe_by_default() -> None:
    kafka = Settings().kafka
    producer, consumer = client.producer(kafka), client.consumer(kafka, "group")
    assert producer["partitioner"] == "murmur2_random"
    assert producer["enable.idempotence"] is True
    assert consumer["isolation.level"] == "read_committed"
    assert consumer["enable.auto.commit"] is False
