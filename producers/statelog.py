"""One log line for each change of a state, however often the state is reported."""

from __future__ import annotations

import logging

OK = "ok"


class StateLog:
    """Remembers the state of each subject and logs its changes; a new subject is `ok`."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._states: dict[str, str] = {}

    def set(
        self,
        subject: str,
        state: str,
        detail: str = "",
        *,
        error: BaseException | None = None,
        quiet: bool = False,
    ) -> None:
        """Note a state, and log it if it changed.

        Parameters
        ----------
        subject, state, detail
            Words of the log line.
        error
            Logged with its traceback.
        quiet
            Whether to log at debug level.
        """
        if self._states.get(subject, OK) == state:
            return
        self._states[subject] = state
        level = logging.DEBUG if quiet else logging.INFO if state == OK else logging.WARNING
        self._log.log(level, "%s: %s%s", subject, state, f" ({detail})" if detail else "", exc_info=error)
