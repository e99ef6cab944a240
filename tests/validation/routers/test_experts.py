"""The subject experts: predictions against the symmetric closed forms and a search; a real run; its pictures."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pydoc_data.topics import topics

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import root

from moecusp import expert_fold_curve, expert_fold_gain
from tests.validation.planted import line
from tests.validation.routers.experts_truth import PROFILE as P
from tests.validation.routers.experts_truth import planted
from tests.validation.routers.truth import PROFILE
from validation.routers import experts
from validation.routers.branches import balancing, favouring, fold
from validation.streams import stream
from validation.training.text import LONGEST, features

CASE = "text.mlp.4"
BETA, MU = P.inverse_temperature, P.decay


@pytest.fixture(scope="module", name="plan")
def _plan(plans):
    return plans("experts")


@pytest.fixture(scope="module", name="logits")
def _logits(plan):
    """Of the stored gates, computed without torch."""
    seen = experts.tokens(P, "text").numpy()
    hidden = np.tanh(seen @ plan[f"experts.{CASE}.0"].swapaxes(1, 2))
    return hidden @ plan[f"experts.{CASE}.1"].swapaxes(1, 2) + plan[f"experts.{CASE}.bias"][:, None]


def loads(logits, s):
    weight = np.exp(BETA * (logits + s))
    return (weight / weight.sum(axis=-1, keepdims=True)).mean(axis=-2)


class TestPredictions:
    def test_biases_balance(self, logits):
        assert_allclose(loads(logits, 0.0), 0.25, atol=1e-12)

    def test_biases_balance_what_favours_few_by_far(self, logits):
        """Where a whole step of Newton's would leave the numbers: margins of many temperatures."""
        far = torch.tensor(12.0 * logits + np.array([40.0, 20.0, 0.0, -30.0]))
        assert loads(far.numpy(), 0.0).max() > 0.99
        assert_allclose(loads(far.numpy(), balancing(far, BETA).numpy()[:, None]), 0.25, atol=1e-12)

    def test_onset_is_where_the_jacobian_has_an_eigenvalue_zero(self, plan, logits):
        for a, critical, v in zip(
            logits[:4], plan[f"experts.{CASE}.critical"], plan[f"experts.{CASE}.direction"], strict=False
        ):
            h = 1e-5
            slope = (loads(a, h * v) - loads(a, -h * v)) / (2 * h)
            assert_allclose(critical * slope, MU * v, atol=1e-7)

    def test_fold_is_the_least_feedback_of_a_favoured_expert(self, plan, logits):
        """By a root finder on the full equations, at leads about the fold."""
        for a, least in zip(logits[:2], plan[f"experts.{CASE}.fold"], strict=False):
            found, guess = [], np.array([0.8, -0.3, -0.3, -0.2]) / BETA

            def excess(x, lead, a=a):
                s, kappa = np.r_[x[:3], -x[:3].sum()], x[3]
                gap = kappa * (loads(a, s) - 0.25) - MU * s
                return np.r_[gap[:3], s[0] - lead]

            x = np.r_[guess[:3], 1.3 * MU * 4 / BETA]
            for lead in np.linspace(0.7, 1.5, 33) / BETA:
                solved = root(excess, x, args=(lead,), tol=1e-12)
                assert solved.success
                x = solved.x
                found.append(x[3])
            assert least == pytest.approx(min(found), rel=1e-4)

    @pytest.mark.parametrize("count", [3, 8])
    def test_without_margins_it_is_the_closed_form(self, count):
        flat = torch.zeros(2, 5, count, dtype=torch.float64)
        unit = count * MU / BETA
        least, at_fold = fold(flat, MU, BETA)
        assert_allclose(least / unit, expert_fold_gain(count), rtol=1e-5)
        x = np.linspace(1.0, 4.0, 2001)
        at = x[np.abs(expert_fold_curve(x, count)[1]).argmin()]  # no drive there
        assert_allclose(at_fold, np.exp(at) / (np.exp(at) + count - 1), atol=0.02)
        feedback, load = favouring(flat, MU, BETA, torch.full((2, 1), 2.0 / BETA, dtype=torch.float64))
        assert_allclose(load, np.exp(2.0) / (np.exp(2.0) + count - 1))
        assert_allclose(feedback / unit, 2.0 * (np.exp(2.0) + count - 1) / (count * (np.exp(2.0) - 1)))

    def test_no_fold_is_no_number(self):
        """Two experts without margins: the feedback rises with the lead from the onset on."""
        assert np.isnan(fold(torch.zeros(1, 5, 2, dtype=torch.float64), MU, BETA)[0]).all()


class TestText:
    def test_its_digest_is_recorded(self, plan):
        """The text differs between versions of Python: it is recorded, not held to a value."""
        text = "\n".join(topics[name] for name in sorted(topics)).encode()
        assert plan["experts.text"].astype(np.uint8).tobytes() == hashlib.sha256(text).digest()

    def test_features_are_those_of_the_bytes_before(self):
        text = np.frombuffer(b"spam, spam and eggs", np.uint8)
        found = features(text, np.array([4, 10, 14]))
        assert_array_equal(found[0], found[1])
        assert np.abs(found[0] - found[2]).sum() > 1
        assert np.all(np.abs(found).sum(axis=1) <= 0.5 * LONGEST)

    def test_features_do_not_look_ahead(self):
        one, other = (np.frombuffer(b"spam" + end, np.uint8) for end in (b"XY", b"zw"))
        assert_array_equal(features(one, np.array([4])), features(other, np.array([4])))


class TestRun:
    def test_finds_onset_and_window(self, plan):
        """A real one."""
        long = replace(P, rounds=8, time=120.0)
        found = experts.measure(long, plan, CASE, stream("t", "t", 0, 0), lambda _: None)
        assert_allclose(experts.onsets(P, {f"experts/{CASE}": found}, CASE), 1.0, atol=1e-3)
        assert_allclose(found["release"] / plan[f"experts.{CASE}.fold"], 1.0, atol=6e-3)
        assert_allclose(found["window"][:, 0], 0.25, atol=0.05)
        assert np.all(found["window"][:, 1, 0] > plan[f"experts.{CASE}.load"])

    def test_rates_are_those_of_the_linearised_rule(self, plan):
        found = experts.measure(P, plan, "digits.linear.2", stream("t", "t", 0, 0), lambda _: None)
        assert_allclose(found["rates"], np.tile(MU * (np.array(P.growth_feedbacks) - 1), (P.routers, 1)), atol=2e-4)


def test_the_picture_shows_the_measured_arrays(plan):
    measured = planted(plan)
    drawn = {each.id: each.figure for each in experts.pictures(PROFILE, plan, measured)}
    unit = 4 * MU / BETA
    x, y = line(drawn["window"], f"release, {CASE}")
    assert_array_equal(y, measured[f"experts/{CASE}"]["release"] / unit)
    assert_array_equal(x, plan[f"experts.{CASE}.fold"] / unit)
    assert_array_equal(line(drawn["first_order"], "from collapse, midway")[1], np.full(P.routers, 0.85))
    assert_array_equal(line(drawn["first_order"], "from balance, midway")[1], np.full(P.routers, 0.25))
