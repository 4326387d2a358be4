"""Pictures of memory: one alert as a small picture for messages to people.

The extra `notify` has what draws them; it is imported by the first picture.
"""

from __future__ import annotations

from typing import Literal

from fleetleak.records import Alert

_LEAST_POINTS = 3


def png(alert: Alert) -> bytes | None:
    """Return a picture of 1200x520 pixels, to be shown at half that size; None without enough history.

    Raises
    ------
    ImportError
        If the extra `notify` is not installed.
    """
    return _picture(alert, "png")


def svg(alert: Alert) -> bytes | None:
    """Return a picture of 600x260 pixels, with text as text; None without enough history.

    Raises
    ------
    ImportError
        If the extra `notify` is not installed.
    """
    return _picture(alert, "svg")


def _picture(alert: Alert, form: Literal["png", "svg"]) -> bytes | None:
    history = alert.history
    if history is None or min(len(history.times), len(history.memory)) < _LEAST_POINTS:
        return None
    from sinks.picture.drawing import drawn

    return drawn(alert, history, form)
