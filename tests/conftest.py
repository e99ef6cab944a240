"""Profiles for hypothesis: HYPOTHESIS_PROFILE = dev (the default), ci or thorough."""

from __future__ import annotations

import os

from flint import ctx
from hypothesis import HealthCheck, settings

ctx.prec = 300  # sums of reference values in tests; the reference itself chooses its own precision

settings.register_profile("dev", max_examples=60, deadline=None)
settings.register_profile("ci", max_examples=400, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
