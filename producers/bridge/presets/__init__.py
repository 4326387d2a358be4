"""Every preset of a bridge: one line each. Of two that measure one thing, the first is published."""

from __future__ import annotations

from producers.bridge.presets import collectd, docker, host, kubelet, metricbeat, process, vector
from producers.prometheus.preset import Preset
from producers.prometheus.presets import PRESETS as OF_PROMETHEUS

PRESETS: tuple[Preset, ...] = (
    kubelet.CONTAINERS,
    metricbeat.CONTAINERS,
    docker.PRESET,
    metricbeat.DOCKER,
    host.PRESET,
    metricbeat.HOST,
    collectd.HOST,
    kubelet.NODES,
    metricbeat.NODES,
    *OF_PROMETHEUS,
    vector.HOSTS,
    process.PRESET,
    metricbeat.PROCESSES,
    vector.PROCESSES,
    collectd.PROCESSES,
)

RANKS = {preset.name: rank for rank, preset in enumerate(PRESETS)}
"""The place of each preset among those that measure the same thing."""

__all__ = ["OF_PROMETHEUS", "PRESETS", "RANKS"]
