"""The studies of the discrete rule at their smallest size: their planted controls, and parts with known answers.

Seeds are fixed; the verdicts asserted have false-alarm rates far below 1e-6, for the effects lie many intervals inside
or outside the bands.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moecusp.report import Finding, Verdict
from validation.discrete_rule import expert_collapse, limit, mean_field, noise

pytest.importorskip("numba")


def verdicts(found: tuple[Finding, ...]) -> dict[str, Verdict]:
    return {each.id: each.verdict for each in found}


class TestMeanField:
    def test_a_small_run_comes_out_as_planted(self) -> None:
        profile = replace(
            mean_field.QUICK, exponents=(6, 8, 10), batches=(1, 16), routers=100, seeds=8, slope_band=(0.4, 0.6),
            bias_exponents=(6, 7), attractor_gains=(1.2,), fold_shares=(0.0, 0.5), pitchfork_gains=(),
            attractor_time=400.0,
        )  # fmt: skip
        predicted = mean_field.predict(profile)
        found = mean_field.findings(profile, predicted, mean_field.measure(profile, predicted))
        assert all(each.sound for each in found)
        seen = verdicts(found)
        for name in ("noise", "batch", "bias", "bound", "attractors", "critical_gain"):
            assert seen[f"mean_field.{name}"] is Verdict.SUPPORTED, name

    def test_the_flow_ends_at_an_equilibrium(self) -> None:
        end = limit.flow(1.5, 0.05, 0.3, np.array([0.0, 60.0]))[-1]
        assert abs(1.5 * np.tanh(end) - end + 0.05) < 1e-10

    def test_the_bound_holds_for_a_router_that_only_diffuses(self) -> None:
        """Gain 0: no noise at all, so the path must be within the bias of the flow; here it is Euler's."""
        constants = limit.bound(0.0, 0.0, 1.0, 2.0)
        delta, steps = 0.125, 16
        path = (1.0 - delta) ** np.arange(steps + 1)
        assert constants.noise == 0.0
        assert np.max(np.abs(path - np.exp(-delta * np.arange(steps + 1)))) <= constants.bias * delta


class TestNoise:
    def test_a_small_run_comes_out_as_planted(self) -> None:
        profile = replace(
            noise.QUICK, escape_steps=(0.1, 0.06, 0.05), routers=200, ramp_rates=(1e-4, 3e-5), warning_shares=(0.0, 0.5)
        )
        found = noise.findings(profile, noise.predict(profile), noise.measure(profile))
        assert all(each.sound for each in found)
        assert verdicts(found)["noise.barrier_exact"] is Verdict.SUPPORTED


class TestExpertCollapse:
    def test_a_small_run_comes_out_as_planted(self) -> None:
        profile = replace(expert_collapse.QUICK, experts=(4, 8), points=9, time=60.0, seeds=4)
        found = expert_collapse.findings(profile, expert_collapse.predict(profile), expert_collapse.measure(profile))
        assert all(each.sound for each in found)
        assert verdicts(found)["collapse.one.8"] is Verdict.SUPPORTED
