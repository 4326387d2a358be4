"""Sinks: decide from scores and publish. They learn nothing about memory (docs/architecture.md)."""
