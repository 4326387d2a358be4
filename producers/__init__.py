"""Producers: measure one host's memory and publish it; they decide nothing (docs/architecture.md)."""
