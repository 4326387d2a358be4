"""Every preset: one exporter, one file, one line here. What is inside another thing comes before it."""

from __future__ import annotations

from producers.prometheus.preset import Preset
from producers.prometheus.presets import cadvisor, node, process, windows

PRESETS: tuple[Preset, ...] = (cadvisor.PRESET, process.PRESET, node.PRESET, windows.PRESET)
"""In this order."""

__all__ = ["PRESETS"]
