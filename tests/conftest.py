"""Profiles of hypothesis by HYPOTHESIS_PROFILE: ci (default, the same examples each time), dev, thorough, mutants.

Under `mutants` (tests/mutants.py) numba is hidden: it would compile the formulas once, as they were before the mutant.
"""

import os
import sys
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors; before torch is imported

import mpmath as mp
import pytest
from flint import ctx
from hypothesis import HealthCheck, Phase, settings

from tests.examples import USUAL

collect_ignore = ["mutant.py", "mutant_cost.py", "mutants.py"]  # a program with dependencies of its own

ctx.prec = 300  # sums of reference values in tests; the reference itself chooses its own precision

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
settings.register_profile("dev", max_examples=USUAL // 2, deadline=None)
settings.register_profile("ci", max_examples=USUAL, deadline=None, derandomize=True)
settings.register_profile(
    "thorough", max_examples=125 * USUAL, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "mutants",
    max_examples=USUAL // 5,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(PROFILE)
if PROFILE == "mutants":
    sys.modules["numba"] = None  # type: ignore[assignment]


@pytest.fixture
def digits() -> Iterator[None]:
    """Compute with 40 digits in this test."""
    with mp.workdps(40):
        yield


@pytest.fixture
def fifty_digits() -> Iterator[None]:
    """Compute with 50 digits in this test."""
    with mp.workdps(50):
        yield
