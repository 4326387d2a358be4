"""Memory-leak detection for a whole fleet: what producers, processors and sinks share."""

__version__ = "0.1.0"
