"""The demo: a real leaking process on this host, found through a real Kafka."""
