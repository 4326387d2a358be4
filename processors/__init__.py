"""Processors: learn from snapshots and give evidence; they decide nothing (docs/architecture.md)."""
