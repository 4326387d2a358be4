"""The whole way through a real Kafka: rates, the cost of exactly once, latency and restore."""
