"""Connecting a command to the cluster. If it does not answer, the error has the cause and the fix."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient

from fleetleak.kafka import reach, topics, verify
from fleetleak.settings import Settings
from fleetleak_app import roles
from fleetleak_app.cli import CommandFailed


def admin(settings: Settings) -> AdminClient:
    """Return an admin client of a cluster that answers.

    Raises
    ------
    CommandFailed
        With the cause and the fix, within ten seconds.
    """
    try:
        return reach.reached(settings.kafka)
    except reach.Unreachable as error:
        raise CommandFailed(str(error)) from None


def names(settings: Settings) -> topics.Names:
    """Return the topic names of the configured track."""
    return topics.names(settings.kafka.topic_prefix, settings.kafka.track)


def layout(settings: Settings) -> list[topics.Topic]:
    """Return the planned topics of the configured track."""
    return topics.layout(
        settings.kafka.topic_prefix, settings.topics, settings.kafka.track, roles.topic_specs()
    )


def checked_topics(settings: Settings) -> topics.Names:
    """Connect to the cluster, check its topics, and return their names.

    Raises
    ------
    CommandFailed
        With every problem of the topics, and its fix.
    """
    return refuse_misfits(settings, admin(settings))


def refuse_misfits(settings: Settings, cluster: AdminClient) -> topics.Names:
    """Check the topics of a cluster, and return their names.

    Raises
    ------
    CommandFailed
        With every problem of the topics, and its fix.
    """
    try:
        verify.verify(cluster, layout(settings), settings.kafka)
    except topics.WrongTopics as error:
        raise CommandFailed(f"{settings.kafka.bootstrap_servers}: {error}") from None
    return names(settings)
