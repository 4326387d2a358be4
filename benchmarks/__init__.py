"""Benchmarks of every figure in the docs; one command runs each part."""
