"""The output of the demo: a live table of instances, and the alert as a card."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fleetleak.records import Alert, Score
from fleetleak_app.demo.alertmanager import Posted
from fleetleak_app.tables import shorten

_MIB = 2**20
_ROWS = 14
# Width of the other columns and the gaps between them.
_OTHERS = 48
_LEAST_NAMES = 32
_REPEAT_SECONDS = 5.0


def _mib(count: float | None) -> str:
    return "-" if count is None else f"{count / _MIB:,.1f} MiB"


def _trend(score: Score) -> str:
    if score.trend is None or score.trend.growth <= 0:
        return "-"
    return f"{score.trend.growth * 3600 / _MIB:+,.0f}"


def _state(score: Score, firing: set[str]) -> Text:
    if score.instance in firing:
        return Text("LEAK", style="bold red")
    return Text(score.kind, style="yellow" if score.confidence >= 0.3 else "green")


def table(scores: dict[str, Score], firing: set[str], elapsed_seconds: float, width: int = 80) -> Table:
    """Return a table of the instances, highest confidence first, at most `width` characters wide."""
    names = max(_LEAST_NAMES, width - _OTHERS)
    service_width, instance_width = names * 3 // 5, names - names * 3 // 5
    drawn = Table(title=f"fleetleak demo - {elapsed_seconds:.0f} s", box=None, pad_edge=False)
    drawn.add_column("service", no_wrap=True)
    drawn.add_column("instance", no_wrap=True)
    for name in ("MiB", "of limit", "MiB/h", "conf."):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("state", no_wrap=True)
    order = sorted(scores.values(), key=lambda s: (s.instance not in firing, -s.confidence, s.instance))
    for score in order[:_ROWS]:
        limit_used = "-" if score.room_used is None else f"{score.room_used:.1%}"
        used = "-" if score.used is None else f"{score.used / _MIB:,.0f}"
        drawn.add_row(
            shorten(score.service, service_width),
            shorten(score.instance, instance_width),
            used,
            limit_used,
            _trend(score),
            f"{score.confidence:.2f}",
            _state(score, firing),
        )
    if len(order) > _ROWS:
        drawn.caption = f"and {len(order) - _ROWS} more"
    return drawn


def _at(moment: float | None) -> str:
    return "-" if moment is None else time.strftime("%H:%M:%S", time.localtime(moment))


def card(alert: Alert) -> Panel:
    """Return an alert as a panel."""
    lines = [Text(alert.summary, style="bold"), Text("")]
    sure = f"{alert.certainty}, confidence {alert.confidence:.2f}"
    lines.append(Text(f"severity    {alert.severity}, {sure}, kind {alert.kind}"))
    lines.append(Text(f"urgency     {alert.urgency}"))
    lines.append(Text(f"since       {_at(alert.onset)}"))
    if alert.forecast is not None:
        forecast = alert.forecast
        lines.append(
            Text(
                f"limit       {_mib(forecast.limit)} ({forecast.limit_name}), reached at {_at(forecast.eta)}"
                f" (80 %: {_at(forecast.eta_low)} to {_at(forecast.eta_high)})"
            )
        )
    lines += [Text(f"because     {reason}") for reason in alert.reasons]
    lines.append(Text(f"do          {alert.recommendation}"))
    return Panel(Group(*lines), title=f"ALERT {alert.key}", border_style="red", expand=True)


def posted(alert: Posted, url: str) -> Table:
    """Return an alert of the Alertmanager at `url` as a small table."""
    drawn = Table(title="the same alert in Alertmanager", box=None, show_header=False, pad_edge=False)
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    rows = {f"label {name}": value for name, value in sorted(alert.labels.items())}
    rows["summary"] = alert.annotations.get("summary", "-")
    rows |= {"state": alert.status.state, "address": f"{url}/#/alerts"}
    for name, value in rows.items():
        drawn.add_row(Text(name), Text(value))
    return drawn


class View:
    """A live table on a terminal; without a terminal, the table every ten seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = (
            Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        )
        self._said = 0.0
        self._subject = ""
        self._subject_at = 0.0

    def __enter__(self) -> View:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """Print one thing that happened; of a line that repeats with new numbers, print only some."""
        subject, now = line.partition(":")[0], time.monotonic()
        if ":" in line and subject == self._subject and now - self._subject_at < _REPEAT_SECONDS:
            return
        self._subject, self._subject_at = subject, now
        self.console.print(Text(line))

    def update(self, scores: dict[str, Score], firing: set[str], elapsed_seconds: float) -> None:
        """Show the present scores and alerts."""
        if self._live is not None:
            self._live.update(table(scores, firing, elapsed_seconds, self.console.width))
        elif elapsed_seconds - self._said >= 10:
            self._said = elapsed_seconds
            self.console.print(table(scores, firing, elapsed_seconds, self.console.width))
