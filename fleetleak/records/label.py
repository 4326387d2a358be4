"""Label: what a person or a tool says about an alert or a service, on the feedback topic."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records.types import AlertKey, Name, Text, UnixSeconds

Verdict = Literal["leak", "not-a-leak", "expected"]


class Label(Struct, tag_field="schema", tag="label/1", kw_only=True, omit_defaults=True, gc=False):
    """A verdict; topic `feedback`, key `service`.

    `leak` confirms the alert. `not-a-leak` resolves it and teaches what is normal. `expected` mutes it until
    `expires`. With `alert` (an alert's key) the label is for that alert only, else for the whole service.
    `weak` labels come from tools: they count half and change nothing at once.
    """

    service: Name
    verdict: Verdict
    author: Name
    time: UnixSeconds
    alert: AlertKey | None = None
    reason: Text | None = None
    expires: UnixSeconds | None = None
    weak: bool = False
