"""The roles of the campaigns: a role of the tests, and the product's own processor and alerting sink."""

from __future__ import annotations

from tests.faults.campaign import Job
from tests.faults.recorded import chain_input, controls, labels, snapshot_input


def chain(records: int, services: int, partitions: int, workers: int, seed: int) -> Job:
    """The chain role: some records are unreadable, a few make it fail, controls come beside."""
    return Job(
        [["chain"]] * workers,
        chain_input(records, services, partitions, seed, bad=records // 500, boom=3),
        controls(max(records // 100, 10), services, partitions, seed),
        [("chain", ["snapshots", "feedback"])],
        ["scores", "drift", "dead-letter"],
    )


def product(ticks: int, services: int, partitions: int, workers: int, seed: int) -> Job:
    """The product: as many processors as alerting sinks, with labels half way."""
    return Job(
        [["processor"], ["sink", "alerting"]] * workers,
        snapshot_input(ticks, services, partitions, seed),
        [],
        [("processor", ["snapshots", "feedback"]), ("alerting", ["scores", "feedback"])],
        ["scores", "alerts", "dead-letter"],
        labels(services, partitions),
    )
