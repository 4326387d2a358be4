"""Recorded series through the code that processors and sinks run online."""
