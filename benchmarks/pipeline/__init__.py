"""Figures of the whole path through a real Kafka: rates, cost of exactly once, latency and restore."""
