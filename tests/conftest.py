"""Profiles of hypothesis, chosen by HYPOTHESIS_PROFILE: ci (default, the same examples each time), dev and thorough."""

import os
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors; before torch is imported

import mpmath as mp
import pytest
from flint import ctx
from hypothesis import HealthCheck, settings

ctx.prec = 300  # sums of reference values in tests; the reference itself chooses its own precision

settings.register_profile("dev", max_examples=100, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def digits() -> Iterator[None]:
    """Compute with 40 digits in this test."""
    with mp.workdps(40):
        yield
