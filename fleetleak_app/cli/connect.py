"""Reaching the cluster from a command, with an answer a person can use when it does not answer."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient

from fleetleak.kafka import reach, topics, verify
from fleetleak.settings import Settings
from fleetleak_app import roles
from fleetleak_app.cli import CommandFailed


def admin(settings: Settings) -> AdminClient:
    """Give an admin client of a cluster that answers.

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
    """Give the topic names of the configured track."""
    return topics.names(settings.kafka.topic_prefix, settings.kafka.track)


def layout(settings: Settings) -> list[topics.Topic]:
    """Return the topics of the configured track, as they should be."""
    return topics.layout(
        settings.kafka.topic_prefix, settings.topics, settings.kafka.track, roles.topic_specs()
    )


def checked_topics(settings: Settings) -> topics.Names:
    """Give the topic names, once the cluster holds topics that fit.

    Raises
    ------
    CommandFailed
        With every problem and its fix.
    """
    return refuse_misfits(settings, admin(settings))


def refuse_misfits(settings: Settings, cluster: AdminClient) -> topics.Names:
    """Give the topic names, if the topics fit.

    Raises
    ------
    CommandFailed
        With every problem and its fix.
    """
    try:
        verify.verify(cluster, layout(settings), settings.kafka)
    except topics.WrongTopics as error:
        raise CommandFailed(f"{settings.kafka.bootstrap_servers}: {error}") from None
    return names(settings)
