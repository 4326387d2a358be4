"""Label: what a person or tool says of an alert or a service, on the feedback topic."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records.types import AlertKey, Name, Text, UnixSeconds

Verdict = Literal["leak", "not-a-leak", "expected"]


class Label(Struct, tag_field="schema", tag="label/1", kw_only=True, omit_defaults=True, gc=False):
    """A verdict; topic `feedback`, key `service`.

    `leak` confirms, `not-a-leak` resolves and teaches what is normal, `expected` mutes until `expires`.
    `alert` narrows the label to one alert's key; without it the label is for the whole service.
    """

    service: Name
    verdict: Verdict
    author: Name
    time: UnixSeconds
    alert: AlertKey | None = None
    reason: Text | None = None
    expires: UnixSeconds | None = None
