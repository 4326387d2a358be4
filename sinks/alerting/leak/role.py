"""The registered role: alerts on leaks, from scores."""

from __future__ import annotations

from fleetleak.kafka.topics import Names, names
from fleetleak.records import Score
from fleetleak.settings import Settings
from fleetleak.stream.spec import RoleSpec
from sinks.alerting.leak.adapter import LeakMemory, Leaks
from sinks.alerting.role import Alerting
from sinks.alerting.subject import Subject
from sinks.policy.file import PolicyFile, read
from sinks.policy.rules import Rules, rules


class LeakAlerting(Alerting[Score, LeakMemory]):
    """The alerting sink for leaks."""

    NAME = "alerting"
    VERSION = 3
    RECORD = Score
    STATE = Subject[LeakMemory]
    ADAPTER = Leaks


def leak_rules(policy: PolicyFile) -> Rules:
    """Return the rules of a policy for leaks.

    Raises
    ------
    BadPolicy
        If a rule cannot be used.
    """
    return rules(policy, Leaks.VOCABULARY)


def alerting(settings: Settings) -> LeakAlerting:
    """Return the role.

    Raises
    ------
    BadPolicy
        If the policy file cannot be used.
    """
    topics = names(settings.kafka.topic_prefix, settings.kafka.track)
    policy = read(settings.policy.file)
    return LeakAlerting(settings.alerting, policy, topics.alerts, topics.silent_alerts, settings.kafka.track)


ROLE = RoleSpec(
    name=LeakAlerting.NAME,
    command="sink",
    help="turn scores into alerts",
    make=alerting,
    input=Names.scores,
    outputs=(Names.alerts, Names.silent_alerts),
    side=(Names.feedback,),
    state=Names.alert_state,
    sections=("policy", "alerting"),
    metrics=("sink",),
)
