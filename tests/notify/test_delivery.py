"""Deliveries of notices on the real Kafka: what a kill repeats, and what a target that hangs holds up."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from msgspec.structs import replace

from fleetleak.kafka import topics
from fleetleak.records import Alert, Decoder, encode
from fleetleak.settings import Settings
from fleetleak.stream.clients import Makers
from fleetleak.stream.deliver import Deliver
from fleetleak.stream.target import Answer, Delivered, Never
from fleetleak_app.cli import main
from sinks.notify.channel import Channel
from sinks.notify.notifier import Notice
from sinks.notify.role import Notify
from sinks.notify.sent import Sent
from tests.e2e.support import running
from tests.kafka.support import in_thread, read_all, send, wait_for
from tests.notify.support import Receiver, Remembering, alert, spec

pytestmark = pytest.mark.kafka


def publish(settings: Settings, *alerts: Alert) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.alerts, [(one.key.encode(), encode(one)) for one in alerts])


def life(count: int) -> list[Alert]:
    """Return the beginnings and ends of so many alerts."""
    begun = [alert(f"s{n}", n) for n in range(count)]
    return [*begun, *(replace(one, state="resolved", time=one.time + 600) for one in begun)]


class Uncommitted(Consumer):
    """A consumer whose commits fail, but for the first: the one that says where the group begins."""

    commits = 0

    def commit(self, *args: Any, **kwargs: Any) -> Any:
        self.commits += 1
        if self.commits > 1:
            raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))
        return super().commit(*args, **kwargs)


def delivery(settings: Settings, notifier: Remembering, makers: Makers | None = None) -> Deliver:
    names = topics.names(settings.kafka.topic_prefix)
    return Deliver(
        settings, Channel(spec(), notifier), names.alerts, f"{settings.kafka.topic_prefix}-notify-ops",
        names.dead_letter, state_topic=names.sent, newest_only=True, makers=makers,
    )  # fmt: skip


def states(settings: Settings) -> list[str]:
    """Return the newest state of each alert that a target was told of."""
    records = read_all(settings, topics.names(settings.kafka.topic_prefix).sent)
    return [Decoder(Sent).decode(value).state for value in {key: v for _, key, v in records}.values()]


def test_what_was_stored_and_not_committed_is_not_sent_again(settings: Settings) -> None:
    first, second = Remembering(), Remembering()
    uncommitted = delivery(settings, first, Makers(consumer=Uncommitted))
    with in_thread(uncommitted.run):
        wait_for(lambda: uncommitted.ready() is None, what="readiness")
        publish(settings, *life(6))
        wait_for(lambda: len(first.notices) == 12, what="twelve notices")
    names = topics.names(settings.kafka.topic_prefix)
    entries = [Decoder(Sent).decode(value) for _, _, value in read_all(settings, names.sent)]
    assert [(e.target, e.ref) for e in entries] == [("ops", f"ref of {e.key}") for e in entries]
    assert {(e.key, e.state, e.alert is None) for e in entries} == {
        (one.key, one.state, one.state == "resolved") for one in life(6)
    }
    places = {key: number for number, key, _ in read_all(settings, names.alerts)}
    assert all(places[key.partition(b"\0")[2]] == n for n, key, _ in read_all(settings, names.sent))
    again = delivery(settings, second)
    with in_thread(again.run):
        wait_for(lambda: again.ready() is None, what="readiness")
        publish(settings, alert("last"))
        wait_for(lambda: bool(second.notices), what="the new one")
    assert second.told() == [(alert("last").key, "firing")]


def test_a_bad_release_is_told_as_a_storm_although_partitions_are_delivered_at_once(
    settings: Settings,
) -> None:
    notifier = Remembering()
    begun = [alert(f"s{n}", n, version="2.41.0") for n in range(60)]
    ended = [replace(one, state="resolved", time=one.time + 600) for one in begun]
    for part in (begun, ended):
        # The second half of the storm's life begins with what is stored.
        deliver = delivery(settings, notifier)
        with in_thread(deliver.run):
            wait_for(lambda: deliver.ready() is None, what="readiness")  # noqa: B023 - called at once
            publish(settings, *part)
            wait_for(lambda: states(settings).count(part[0].state) == 60, what="all stored")  # noqa: B023
    singles = [notice for notice in notifier.notices if not notice.services]
    assert sorted(notice.state for notice in singles) == ["firing"] * 5 + ["resolved"] * 5
    storms = [notice for notice in notifier.notices if notice.services]
    assert [storms[0].state, storms[-1].state] == ["firing", "resolved"]
    assert len(storms) <= 8


def test_a_target_that_hangs_or_fails_does_not_delay_another(settings: Settings) -> None:
    release = threading.Event()

    def hang(notice: Notice) -> Answer:
        release.wait(60)
        return Delivered()

    def fail(notice: Notice) -> Answer:
        raise RuntimeError("boom on purpose")

    notifiers = {name: Remembering() for name in ("hangs", "fails", "works")}
    notifiers["hangs"].answer, notifiers["fails"].answer = hang, fail
    role = Notify(settings, [Channel(spec(name=name), one) for name, one in notifiers.items()])
    with in_thread(role.run):
        wait_for(lambda: role.ready() is None, what="readiness")
        publish(settings, *life(20))
        try:
            wait_for(lambda: len(notifiers["works"].notices) == 40, 20, "what the healthy target gets")
            assert notifiers["hangs"].notices == []
            assert role.healthy() is None
            assert role.note() == "ok: 3 targets"
        finally:
            release.set()


def test_a_kill_at_any_moment_loses_no_notice(
    settings: Settings, tmp_path: Path, receiver: Receiver, policy: Path
) -> None:
    kills, alerts = 3, life(60)
    command, file = (
        {"notify": ["sink", "notify"]},
        {
            "FLEETLEAK_POLICY_FILE": str(policy),
            "FLEETLEAK_RUNTIME_SESSION_TIMEOUT_SECONDS": "6",
        },
    )
    chance = random.Random(5)
    with running(settings, tmp_path, command, **file) as roles:
        roles["notify"].wait_ready()
        assert roles["notify"].end() < 10
    for round_ in range(kills):
        publish(settings, *alerts[round_ * 40 : round_ * 40 + 40])
        with running(settings, tmp_path, command, **file) as roles:
            goal = len(receiver.bodies) + chance.randint(5, 30)
            wait_for(lambda: len(receiver.bodies) >= goal, what=lambda: roles["notify"].log())  # noqa: B023
            roles["notify"].process.send_signal(signal.SIGKILL)
    wanted = {(one.key, one.state) for one in alerts}
    with running(settings, tmp_path, command, **file) as roles:
        # One that was replaced by its end while it waited may be missing; nothing was made to wait here.
        wait_for(lambda: set(receiver.told()) == wanted, what=lambda: roles["notify"].log())
        assert "fleetleak_deliver_attempts_total" in roles["notify"].get("/metrics")[1]
        assert roles["notify"].get("/readyz") == (200, "ok: 1 target\n")
    repeated = Counter(receiver.told()).total() - len(wanted)
    assert repeated <= kills * settings.topics.partitions
    for key in {one.key for one in alerts}:
        states = [state for told, state in receiver.told() if told == key]
        assert states == sorted(states), "never an end before its beginning"


def replay(settings: Settings, policy: Path, *words: str) -> int:
    return main(
        ["notify", *words, "--policy-file", str(policy),
         "--kafka-bootstrap-servers", settings.kafka.bootstrap_servers,
         "--kafka-topic-prefix", settings.kafka.topic_prefix, "--topics-partitions", "2"]
    )  # fmt: skip


def test_what_a_target_refused_is_sent_once_more(
    settings: Settings, receiver: Receiver, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusing, other = Remembering(), Remembering()
    for one in (refusing, other):
        one.answer = lambda notice: Never("refused", "404")
    channels = [Channel(spec(name="hook"), refusing), Channel(spec(name="other"), other)]
    role = Notify(settings, channels)
    begun = [alert("a"), alert("b", 1)]
    newer = replace(begun[0], state="updated", time=begun[0].time + 60)
    with in_thread(role.run):
        wait_for(lambda: role.ready() is None, what="readiness")
        publish(settings, *begun, newer)
        names = topics.names(settings.kafka.topic_prefix)
        wait_for(lambda: len(read_all(settings, names.dead_letter)) == 6, what="six dead letters")
    receiver.status = 503
    assert replay(settings, policy, "replay", "hook", "--json") == 1
    rows = json.loads(capsys.readouterr().out)
    assert [(row["key"], row["delivered"]) for row in rows] == [(begun[1].key, False), (newer.key, False)]
    receiver.status = 200
    assert replay(settings, policy, "replay", "hook") == 0
    assert receiver.told() == [(begun[1].key, "firing"), (newer.key, "updated")]
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        f"{begun[1].key} (firing)", f"{newer.key} (updated)"
    ]  # fmt: skip
    assert all(" delivered in " in line for line in lines)
    publish(settings, replace(newer, state="resolved", time=newer.time + 60))
    assert replay(settings, policy, "replay", "hook") == 0
    assert receiver.told()[2:] == [(begun[1].key, "firing")], "what is over is not opened again"


def test_a_role_that_cannot_go_on_ends_all_deliveries(settings: Settings) -> None:
    class Broken(Channel):
        def assigned(self, partition: int, stored: dict[bytes, bytes]) -> None:
            raise RuntimeError("boom on purpose")

    role = Notify(settings, [Channel(spec(name="a"), Remembering()), Broken(spec(name="b"), Remembering())])
    stop = threading.Event()
    with pytest.raises(RuntimeError, match="boom on purpose"):
        role.run(stop)
    assert stop.is_set()
