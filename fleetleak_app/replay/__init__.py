"""Recorded series through the very code of processors and sinks."""
