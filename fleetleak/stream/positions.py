"""Where a partition stands in its topics, and where it begins after an assignment."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from confluent_kafka import TopicPartition

from fleetleak.observe import metrics
from fleetleak.stream.checkpoint import Cut
from fleetleak.stream.errors import Refused
from fleetleak.stream.role import Topics

log = logging.getLogger(__name__)

_NONE = -1


class Positions:
    """The next offset to apply, of the input and of each side topic. Only its own methods change it.

    Attributes
    ----------
    input
        The next input offset to apply. The effect of all earlier ones is in memory.
    live_from
        Input records below this offset were committed before: they are applied again without publishing.
    side
        The next offset to apply of each side topic, by its name.
    topic_id
        The input topic's id; empty until it was restored.
    """

    def __init__(self, topics: Topics, number: int) -> None:
        self._topics = topics
        self._number = number
        self._partitions = 0
        self._started: dict[str, int] = {}
        self.topic_id = ""
        self.input = 0
        self.live_from = 0
        self.side: dict[str, int] = dict.fromkeys(topics.side, 0)
        # The newest append time of the input records seen here, and of those that were committed before.
        self._clock = self._committed_clock = 0.0

    @property
    def behind(self) -> int:
        """How many offsets there are to replay."""
        return max(0, self.live_from - self.input)

    def places(self) -> list[TopicPartition]:
        """Return the next offset of each topic, as Kafka wants it for an assignment or a commit."""
        side = [TopicPartition(topic, self._number, offset) for topic, offset in self.side.items()]
        return [TopicPartition(self._topics.input, self._number, self.input), *side]

    def cut(self, replay_from: int) -> Cut:
        """Return the cut to commit: replay would begin at `replay_from`."""
        first, *more = self.side.values() or [_NONE]
        return Cut(replay_from, self.input, self.topic_id, first, self._partitions, self._newest(), more)

    # While records are applied.

    def see(self, offsets: Sequence[int], appended: Sequence[float]) -> list[float]:
        """Take the append times of the next input records; return the partition's clocks (`Record.clock`).

        In a replay the clock begins anew. What was committed last would be too late for restored state,
        which is older.
        """
        live = bisect_left(offsets, self.live_from)
        clocks = list(accumulate(appended[:live], max, initial=self._clock))
        first_live = max(clocks[-1], self._committed_clock)
        clocks[1 + live :] = list(accumulate(appended[live:], max, initial=first_live))[1:]
        self._clock = clocks[-1]
        return clocks[1:]

    def _newest(self) -> float:
        return max(self._clock, self._committed_clock)

    def advance(self, offset: int) -> None:
        """Note that the input record at this offset was applied."""
        self.input = offset + 1

    def advance_side(self, topic: str, offset: int) -> None:
        """Note that the record at this offset of a side topic was applied."""
        self.side[topic] = offset + 1

    def end_replay(self) -> None:
        """Note that a record from `live_from` on has come. Offsets have holes: nothing is left to replay."""
        self.input = max(self.input, self.live_from)

    # After an assignment, in this order.

    def is_committed(self, offsets: Mapping[str, int]) -> bool:
        """Return whether the group's committed offsets are where this process left them."""
        return self.topic_id != "" and offsets == {self._topics.input: self.input, **self.side}

    @property
    def committed(self) -> dict[str, int]:
        """The committed offsets that it started from, by topic."""
        return dict(self._started)

    def start(self, topic_id: str, partitions: int, offsets: Mapping[str, int]) -> None:
        """Begin at the group's committed offsets, by topic; below 0 where none is committed."""
        self.topic_id, self._partitions, self._started = topic_id, partitions, dict(offsets)
        self.live_from = self.input = offsets[self._topics.input]
        self.side = {topic: offsets[topic] for topic in self._topics.side}

    def lost_state(self) -> None:
        """Note that there is no cut. Only a partition that was never committed may have none."""
        if self.live_from > 0:
            metrics.INPUT_RESET.labels("state-gone").inc()
            log.error(
                "the state of a partition that was applied before is gone: its keys start cold",
                extra={"partition": self._number, "topic": self._topics.state},
            )

    def fit(self, cut: Cut) -> bool:
        """Begin where the stored state ends; return whether that state belongs to this input.

        Raises
        ------
        Refused
            If the group's offsets were set back.
        """
        if cut.topic_id != self.topic_id:
            metrics.INPUT_RESET.labels("recreated").inc()
            log.warning(
                "the input topic was recreated: state of the old one is not used",
                extra={"partition": self._number},
            )
            # An offset committed in the old topic means nothing in the new one.
            self.input = self.live_from = _NONE
            return False
        self._fit_input(cut)
        self._fit_side(cut)
        if cut.partitions not in (0, self._partitions):
            metrics.INPUT_RESET.labels("partitions-changed").inc()
            log.error(
                "the number of partitions changed: services that are in another one now start cold",
                extra={"partition": self._number, "was": cut.partitions, "now": self._partitions},
            )
        self._committed_clock = cut.clock
        self.input = min(cut.replay_from, self.live_from)
        return True

    def _fit_input(self, cut: Cut) -> None:
        if self.live_from < 0:
            # The group's offsets expired; the cut knows where they were.
            metrics.INPUT_RESET.labels("offsets-expired").inc()
            self.live_from = cut.position
        elif self.live_from < cut.position:
            raise Refused(
                f"{self._topics.input}[{self._number}] is committed at {self.live_from}, but stored state"
                f" goes to {cut.position}: the group's offsets were set back. Set them forward again, or, to"
                f" score once more from there without what was learned, recreate {self._topics.state}"
            )

    def _fit_side(self, cut: Cut) -> None:
        for topic, offset in zip(self.side, (cut.side, *cut.more_side), strict=False):
            if self.side[topic] < 0:
                self.side[topic] = offset

    def hold_to(self, lows: Mapping[str, int], end: int) -> None:
        """Move positions that Kafka does not have any more.

        Parameters
        ----------
        lows
            The oldest offset of each topic.
        end
            The offset after the input's newest record.
        """
        self._hold_to_end(end)
        self.input = self._kept_from(self._topics.input, self.input, lows[self._topics.input])
        self.live_from = max(self.live_from, self.input)
        self.side = {topic: self._kept_from(topic, at, lows[topic]) for topic, at in self.side.items()}

    def _hold_to_end(self, end: int) -> None:
        """Go on from the end of a topic that ends before what was committed: the brokers lost its tail.

        The committed offset must not be used: new records get the offsets of the lost ones, and would be
        taken for a replay.
        """
        if self.live_from <= end:
            return
        metrics.INPUT_RESET.labels("truncated").inc()
        log.error(
            "input records that were read are gone: the brokers lost what they had acknowledged",
            extra={"partition": self._number, "committed": self.live_from, "end": end},
        )
        self.input = min(self.input, end)
        self.live_from = end

    def _kept_from(self, topic: str, wanted: int, low: int) -> int:
        """Return where to begin; count what retention deleted."""
        if 0 <= wanted < low:
            metrics.INPUT_LOST.inc(low - wanted)
            log.error(
                "input records are gone by retention: going on from the earliest there is",
                extra={"topic": topic, "partition": self._number, "wanted": wanted, "earliest": low},
            )
        return max(wanted, low)


def by_partition(committed: Iterable[TopicPartition]) -> dict[int, dict[str, int]]:
    """Return committed offsets as partition number -> topic -> offset."""
    offsets: dict[int, dict[str, int]] = {}
    for place in committed:
        offsets.setdefault(place.partition, {})[place.topic] = place.offset
    return offsets
