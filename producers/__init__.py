"""Producers measure memory and publish snapshots; they decide nothing (docs/architecture.md).

The modules here are for every source of snapshots; each source has a package of its own, such as `host`.
"""
