"""Some of the random damage of tests/producers/fuzz.py, at every run of the tests."""

from __future__ import annotations

import random

from tests.producers.fuzz import run_case

CASES = 200


def test_what_is_not_damaged_is_published_as_before() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    for number in range(CASES):
        run_case(seed, number)
