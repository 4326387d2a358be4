"""The notify sink: every target of the policy file is told of alerts, each in a delivery of its own."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Sequence

from fleetleak.kafka.reach import Reach
from fleetleak.kafka.topics import Names, names
from fleetleak.records import Alert, Label
from fleetleak.settings import BadSetting, Settings
from fleetleak.stream.deliver import Deliver
from fleetleak.stream.spec import DeliverySpec
from sinks.notify.answers.endpoint import Endpoint
from sinks.notify.channel import Channel
from sinks.notify.feedback import Feedback
from sinks.notify.targets import TargetSpec, targets
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import AnswersTable, PolicyFile, read

log = logging.getLogger(__name__)

NAME = "notify"
_CHECK_SECONDS = 0.5
LABEL_SECONDS = 30.0
"""Between two questions about what people did at the targets."""
_NO_TARGET = (
    "no target: write one into the policy file, for instance [targets.ops] with kind = \"stdout\", and name"
    " the file in policy.file (docs/alerting.md)"
)  # fmt: skip


class Notify:
    """Runs one delivery for each target, each in a thread of its own, so that none delays another."""

    def __init__(
        self, settings: Settings, channels: Sequence[Channel], answers: AnswersTable | None = None
    ) -> None:
        self._settings = settings
        self._channels = channels
        self._feedback = Feedback(settings)
        self._endpoint = self._endpoint_of(answers or AnswersTable())
        self._reach = Reach(settings.kafka)
        self._delivers: dict[str, Deliver] = {}
        self._failed: list[BaseException] = []

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set. A delivery that fails ends all, and its error is raised."""
        with self._endpoint or contextlib.nullcontext():
            self._run_all(stop)

    def _run_all(self, stop: threading.Event) -> None:
        self._delivers = {channel.NAME: self._deliver(channel) for channel in self._channels}
        threads = [
            threading.Thread(target=self._run, args=(deliver, stop), name=f"notify-{name}")
            for name, deliver in self._delivers.items()
        ]
        for thread in threads:
            thread.start()
        # A daemon: a target that hangs must not hold up the end.
        threading.Thread(target=self._take_labels, args=(stop,), name="weak-labels", daemon=True).start()
        try:
            for thread in threads:
                while thread.is_alive():
                    self._reach.check()
                    thread.join(_CHECK_SECONDS)
        finally:
            stop.set()
        for channel in self._channels:
            channel.close()
        if self._failed:
            raise self._failed[0]

    def _run(self, deliver: Deliver, stop: threading.Event) -> None:
        try:
            deliver.run(stop)
        except BaseException as error:
            self._failed.append(error)
            stop.set()

    def _endpoint_of(self, answers: AnswersTable) -> Endpoint | None:
        own = self._settings.notify
        if own.port < 0:
            if own.public_url is not None or answers != AnswersTable():
                raise BadSetting("notify.port must be set: pictures and answers are served there")
            return None
        # It needs optional packages.
        from sinks.notify.answers.served import served

        try:
            return Endpoint(own.address, own.port, served(answers, self._alert, self._feedback.take))
        except OSError as error:
            raise BadSetting(f"notify.address {own.address}, notify.port {own.port}: {error}") from None

    def _alert(self, key: str) -> Alert | None:
        return next((found for one in self._channels if (found := one.alert(key)) is not None), None)

    def _take_labels(self, stop: threading.Event) -> None:
        """Publish what people did at the targets, from time to time."""
        # A channel returns each once, so one that Kafka does not take waits here.
        waiting: deque[Label] = deque()
        while not stop.wait(LABEL_SECONDS):
            for channel in self._channels:
                try:
                    waiting.extend(channel.weak_labels())
                    while waiting and not self._reach.away:
                        self._feedback.take(waiting[0])
                        waiting.popleft()
                except Exception as error:
                    log.warning("%s: weak labels could not be taken: %s", channel.NAME, error)

    def _deliver(self, channel: Channel) -> Deliver:
        kafka = self._settings.kafka
        own = names(kafka.topic_prefix, kafka.track)
        group = f"{DELIVERY.group(kafka)}-{channel.NAME}"
        return Deliver(
            self._settings, channel, own.alerts, group, own.dead_letter,
            state_topic=own.sent, newest_only=True, reach=self._reach,
        )  # fmt: skip

    def ready(self) -> str | None:
        """Return None if every target is served, else what the first other one waits for."""
        if len(self._delivers) < len(self._channels):
            return "starting"
        waits = ((name, deliver.ready()) for name, deliver in self._delivers.items())
        return next((f"target {name}: {why}" for name, why in waits if why), None)

    def healthy(self) -> str | None:
        """Return None while every delivery makes progress, else the problem of the first other one."""
        states = ((name, deliver.healthy()) for name, deliver in self._delivers.items())
        return next((f"target {name}: {why}" for name, why in states if why), None)

    def note(self) -> str:
        """Return what it does while it is ready."""
        if not any(deliver.owned() for deliver in self._delivers.values()):
            return "ok: standing by, other processes have every partition"
        return f"ok: {len(self._channels)} {'target' if len(self._channels) == 1 else 'targets'}"


def configured(policy: PolicyFile) -> list[TargetSpec]:
    """Return the targets of a policy file.

    Raises
    ------
    BadSetting
        If a target cannot be used, or there is none.
    """
    specs = targets(policy)
    if not specs:
        raise BadSetting(_NO_TARGET)
    return specs


def channel(settings: Settings, spec: TargetSpec) -> Channel:
    """Return the channel of a target; its secrets are read now.

    Raises
    ------
    BadSetting
        If a secret or another field cannot be used.
    """
    return Channel(spec, spec.made(), settings.notify.public_url)


def _make(settings: Settings) -> Notify:
    policy = read(settings.policy.file)
    channels = [channel(settings, spec) for spec in configured(policy)]
    try:
        return Notify(settings, channels, policy.answers)
    except BadPolicy as error:
        raise BadSetting(f"answers: {error}") from None


DELIVERY = DeliverySpec(
    name=NAME,
    command="sink",
    help="tell people of alerts",
    make=_make,
    input=Names.alerts,
    state=Names.sent,
    outputs=(Names.feedback,),
    sections=("policy", "notify"),
    metrics=("deliver",),
    extra="notify",
)
