"""Reaching the cluster from a command, with an answer a person can use when it does not answer."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient

from fleetleak.cli import CommandFailed
from fleetleak.kafka import client, topics
from fleetleak.settings import Settings


def admin(settings: Settings) -> AdminClient:
    """Give an admin client that does not chatter."""
    # Quiet: what the command itself says of a cluster that is away is enough.
    return AdminClient(client.common(settings.kafka, log_level=0, error_cb=lambda error: None))


def names(settings: Settings) -> topics.Names:
    """Give the topic names of the configured track."""
    return topics.names(settings.kafka.topic_prefix, settings.kafka.track)


def layout(settings: Settings) -> list[topics.Topic]:
    """Give the topics of the configured track as they should be."""
    return topics.layout(settings.kafka.topic_prefix, settings.topics, settings.kafka.track)


def checked_topics(settings: Settings) -> topics.Names:
    """Give the topic names, once the cluster holds topics that fit.

    Raises
    ------
    CommandFailed
        With every problem and its fix.
    """
    try:
        topics.verify(admin(settings), layout(settings))
    except topics.WrongTopics as error:
        raise CommandFailed(f"{settings.kafka.bootstrap_servers}: {error}") from None
    return names(settings)
