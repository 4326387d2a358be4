"""Odd input on every topic: `python -m tests.fuzz.topics --cases 10000 --seed 7` tries much of it."""
