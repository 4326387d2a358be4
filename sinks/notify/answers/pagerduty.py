"""PagerDuty's webhooks (v3): somebody who resolves an incident by hand says that it was no leak, weakly."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from fleetleak.records import Label
from sinks.notify.answers.refused import Refused, author, checked, decoded, same, signature


class _Agent(Struct):
    type: str = ""
    summary: str | None = None
    id: str = ""


class _Incident(Struct, frozen=True):
    incident_key: str | None = None


class _Event(Struct):
    event_type: str
    agent: _Agent | None = None
    data: _Incident = _Incident()


class _Webhook(Struct):
    event: _Event


def pagerduty_label(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    now: float,
    service_of: Callable[[str], str | None],
) -> Label | None:
    """Return the weak label of an incident that a person resolved; None for every other event.

    Parameters
    ----------
    body
        The request's body, as it came.
    headers
        The request's headers; their names in lower case.
    secret
        The secret of the webhook subscription.
    now
        The time of now, in unix seconds.
    service_of
        Returns the service of an alert by its key; None if there is no such alert.

    Raises
    ------
    Refused
        401 if PagerDuty did not sign the request; 400 if it is not a webhook of the version 3.
    """
    expected = signature(secret, body)
    given = headers.get("x-pagerduty-signature", "").split(",")
    # Several signatures: while the secret is replaced, PagerDuty signs with both.
    if not any(same(one.strip(), f"v1={expected}") for one in given):
        raise Refused(401, "the signature is wrong: check the secret of the webhook subscription")
    event = decoded(body, _Webhook).event
    agent = event.agent or _Agent()
    by_person = agent.type == "user_reference"
    if event.event_type != "incident.resolved" or not by_person or not event.data.incident_key:
        return None
    service = service_of(event.data.incident_key)
    if service is None:
        return None
    label = Label(
        service=service,
        verdict="not-a-leak",
        author=author("pagerduty", agent.summary, agent.id),
        time=now,
        alert=event.data.incident_key,
        weak=True,
    )
    return checked(label, Label)
