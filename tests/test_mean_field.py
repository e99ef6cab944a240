"""The mean-field study at its smallest size: real runs against planted truths, and parts with known answers.

Its verdicts, pictures and captions on planted data: tests/validation/test_mean_field_planted.py. The seed is fixed; the
verdicts asserted have false-alarm rates far below 1e-6, for the effects lie many intervals inside or outside the bands.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.validation.planted import verdicts, whole
from validation.mean_field import limit
from validation.mean_field.predict import predict
from validation.mean_field.profiles import PROFILES, Attractors, Collapse
from validation.mean_field.study import STUDY

pytest.importorskip("numba")

SMOKE = PROFILES["smoke"]
SMALL = replace(
    SMOKE,
    paths=replace(SMOKE.paths, slope_band=(0.4, 0.6), batch_band=(-0.6, -0.4)),
    attractors=Attractors(gains=(1.2,), fold_shares=(0.0, 0.5), pitchfork_gains=(), time=400.0, seeds=8),
    collapse=Collapse(experts=(4, 8), points=9, time=60.0, seeds=4, one_band=(0.8, 1.0)),
)


@pytest.fixture(scope="module", name="report")
def _report(tmp_path_factory):
    return whole(STUDY, SMALL, tmp_path_factory.mktemp("run") / "report")


class TestSmallRun:
    def test_every_control_comes_out_as_planted(self, report):
        controls = {each.id: each for each in report.findings if each.expected}
        assert len(controls) == 5
        assert all(each.sound for each in controls.values())
        assert report.sound

    @pytest.mark.parametrize(
        "claim",
        [
            "mean_field.noise", "mean_field.batch", "mean_field.bias", "mean_field.bound", "mean_field.attractors",
            "mean_field.critical_gain", "mean_field.variance", "noise.barrier_exact", "noise.relaxation",
            "noise.ramp_constant", "collapse.release.8", "collapse.one.4", "collapse.one.8",
        ],
    )  # fmt: skip
    def test_claims_are_supported(self, report, claim):
        assert verdicts(report.findings)[claim] == "SUPPORTED"

    def test_no_claim_is_refuted(self, report):
        assert not [each.id for each in report.findings if not each.expected and each.verdict.value == "REFUTED"]

    def test_pictures_are_drawn(self, report):
        for figure in report.figures:
            assert "Fixed:" in figure.caption, figure.id
            assert figure.svg.startswith("<svg")


class TestLimit:
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

    def test_the_stored_flow_solves_its_equation(self) -> None:
        plan, p = predict(SMOKE, 0), SMOKE.paths
        u, step = plan["paths.flow"], plan["paths.flow_step"]
        assert u[0] == p.start
        assert len(u) == round(p.horizon / float(step)) + 1
        slope = (u[2:] - u[:-2]) / (2 * step)
        assert np.allclose(slope, p.gain * np.tanh(u[1:-1]) - u[1:-1] + p.asymmetry, atol=1e-6)
