"""The subject onset: predictions against solutions written out here, verdicts on planted pitchforks, a real run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq

from tests.validation.planted import line, stated, stored, verdicts
from tests.validation.routers.onset_truth import PROFILE as P
from tests.validation.routers.onset_truth import planted
from tests.validation.routers.truth import PROFILE
from validation.routers import onset
from validation.streams import stream

CASES = [f"{kind}.{name}" for kind in P.kinds for name in P.types]


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), onset.predict(PROFILE, 3))


def margins(plan, kind):
    """Return the margins of the stored gates, (gates, tokens)."""
    logits = onset.tokens(P).numpy()
    for k in range(2):
        if f"onset.{kind}.{k}" in plan.arrays:
            logits = (np.tanh(logits) if k else logits) @ plan[f"onset.{kind}.{k}"].swapaxes(1, 2)
    return logits[..., 0] - logits[..., 1]


def judged(plan, profile=PROFILE, **more):
    return verdicts(onset.findings(profile, plan, planted(plan, **more)))


class TestPredictions:
    @pytest.mark.parametrize("kind", P.kinds)
    def test_are_those_of_the_margins(self, plan, kind):
        beta = P.inverse_temperature
        for margin, critical, states in zip(
            margins(plan, kind), plan[f"onset.{kind}.critical"], plan[f"onset.{kind}.states"], strict=True
        ):
            assert margin.std() == pytest.approx(P.spread, rel=1e-9)
            slope = np.mean(0.5 * beta / np.cosh(0.5 * beta * margin) ** 2)
            assert critical == pytest.approx(P.decay / slope, rel=1e-9)
            for d, m in zip(P.distances, states, strict=True):
                kappa = critical * (1 + d)

                def field(z, kappa=kappa, margin=margin):
                    return kappa * np.tanh(0.5 * beta * (z + margin)).mean() - P.decay * z

                z = brentq(field, 0.01, 5)
                assert m == pytest.approx(P.decay * z / kappa, rel=1e-6)

    def test_tokens_come_with_their_negatives(self):
        seen = onset.tokens(P).numpy()
        assert seen.shape == (120, 64)
        assert_array_equal(seen.sum(axis=0), 0)

    def test_gates_follow_from_the_seed(self, plan):
        again, other = (onset.predict(PROFILE, s) for s in (3, 4))
        assert_array_equal(again["onset.mlp.0"], plan["onset.mlp.0"])
        assert np.all(other["onset.mlp.0"] != plan["onset.mlp.0"])


class TestVerdicts:
    def test_right_data_are_supported(self, plan):
        found = onset.findings(PROFILE, plan, planted(plan))
        assert all(each.sound for each in found)
        assert {each.verdict.value for each in found if not each.expected} == {"SUPPORTED"}
        assert sum(bool(each.expected) for each in found) == 2

    @pytest.mark.parametrize(
        ("wrong", "ids"),
        [
            ({"onset": 1.02}, ("onset.{}",)),
            ({"power": 0.6}, ("onset.exponent.{}", "onset.branch.{}")),
            ({"branch": 0.9}, ("onset.branch.{}",)),
            ({"below": 0.3}, ()),
        ],
    )
    def test_wrong_data_are_not(self, plan, wrong, ids):
        right, seen = judged(plan), judged(plan, **wrong)
        for case in CASES:
            for id in ids:
                assert (right[id.format(case)], seen[id.format(case)]) == ("SUPPORTED", "REFUTED")
        if "below" in wrong:
            assert {seen[f"onset.below.{case}"] for case in CASES} <= {"INCONCLUSIVE", "REFUTED"}

    @pytest.mark.parametrize("control", ["doubled", "without_margins"])
    def test_a_control_can_fail(self, plan, control):
        kind = P.kinds[0]
        bare = 2 * P.decay / P.inverse_temperature / plan[f"onset.{kind}.critical"].mean()
        scatter = plan[f"onset.{kind}.critical"].std() / plan[f"onset.{kind}.critical"].mean()
        factor = 2.0 if control == "doubled" else bare
        profile = replace(PROFILE, onset=replace(P, onset_band=(1 - 4 * scatter, 1 + 4 * scatter)))
        found = {each.id: each for each in onset.findings(profile, plan, planted(plan, onset=factor))}
        assert not found[f"control.onset_{control}"].sound

    def test_two_gates_are_too_few(self, tmp_path):
        few = replace(PROFILE, onset=replace(P, routers=2))
        assert set(judged(stored(tmp_path, onset.predict(few, 3)), few).values()) == {"INCONCLUSIVE"}

    @pytest.mark.parametrize(
        ("band", "prefix"),
        [("onset_band", ""), ("exponent_band", "exponent."), ("branch_band", "branch."), ("below_band", "below.")],
    )
    def test_every_band_is_that_of_the_profile(self, plan, band, prefix):
        changes: Any = {band: (7.0, 8.0)}
        elsewhere = replace(PROFILE, onset=replace(P, **changes))
        moved = {f.id for f in onset.findings(elsewhere, plan, planted(plan)) if f.accepted == (7.0, 8.0)}
        assert {id for id in moved if not id.startswith("control.")} == {f"onset.{prefix}{case}" for case in CASES}


class TestRun:
    @pytest.mark.parametrize("kind", P.kinds)
    def test_measures_the_rule_of_the_stored_gates(self, plan, kind):
        """Against the rule written out in NumPy."""
        short = replace(P, time=6.0)
        found = onset.measure(short, plan, kind, "float64", stream("t", "t", 0, 0), lambda _: None)
        margin, critical = margins(plan, kind)[:, None], plan[f"onset.{kind}.critical"][:, None]
        beta = P.inverse_temperature

        def run(factors, z, steps):
            kappa = critical * np.array(factors)
            z = np.full_like(kappa, z)
            for _ in range(steps):
                load = np.tanh(0.5 * beta * (z[..., None] + margin)).mean(axis=-1)
                z = z + P.increment * (kappa * load - P.decay * z)
            return z, np.tanh(0.5 * beta * (z[..., None] + margin)).mean(axis=-1)

        z, _ = run(P.growth_feedbacks, P.kick, P.growth_steps)
        assert_allclose(found["rates"], ((z / P.kick) ** (1 / P.growth_steps) - 1) / P.increment, atol=1e-9)
        steps = round(6.0 / P.decay / P.increment)
        _, m = run([P.below, *(1 + d for d in P.distances)], 1 / beta, steps)
        assert_allclose(found["below"], m[:, 0], rtol=1e-9)
        assert_allclose(found["imbalance"], m[:, 1:], rtol=1e-9)

    def test_size_is_the_work_done(self, plan):
        for part in onset.parts(replace(PROFILE, onset=replace(P, time=6.0)), plan):
            done: list[int] = []
            part.run(stream("t", "t", 0, 0), done.append)
            assert sum(done) == part.size


class TestPage:
    def test_picture_shows_the_measured_arrays(self, plan):
        measured = planted(plan)
        (drawn,) = onset.pictures(PROFILE, plan, measured)
        for kind in P.kinds:
            for name in P.types:
                x, y = line(drawn.figure, f"{kind}, {name}")
                assert_array_equal(y, measured[f"onset/{kind}-{name}"]["imbalance"].ravel())
                assert_allclose(x, np.tile(1 + np.array(P.distances), P.routers))
        assert stated(drawn.caption) == {
            "experts K": "2", "selection": "soft", "tokens recorded": "120", "decay μ": "0.6",
            "inverse temperature β": "1.9", "increment ε": "0.9", "time": "1300", "margin standard deviation": "0.7",
            "hidden units": "13", "routers": "5",
        }  # fmt: skip
