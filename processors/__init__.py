"""Processors learn from snapshots and publish evidence. They decide nothing (docs/architecture.md)."""
