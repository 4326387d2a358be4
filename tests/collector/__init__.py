"""A real OpenTelemetry Collector: what it puts on a topic, recorded, and how that is made."""
