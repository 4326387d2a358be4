"""Sinks: decide from scores and tell; they learn nothing about memory (docs/architecture.md)."""
