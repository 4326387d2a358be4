"""Bridges: memory that others have on Kafka, to snapshots (docs/sources.md)."""
