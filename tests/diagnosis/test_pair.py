"""The most exposed pair against the closed form of Gaussian margins."""

import numpy as np
import pytest

from moecusp import HardGaussianResponse
from moecusp.diagnosis.coupling import Deciding, coupling
from moecusp.diagnosis.pair import Pair, pair
from moecusp.diagnosis.tokens import Tokens


def found(logits, k=1, feedback=None):
    logits = np.asarray(logits, dtype=np.float32)
    tokens = Tokens(logits, "logits", None, k, np.arange(len(logits)) * 40 // len(logits), len(logits), 1.0)
    deciding = Deciding.of(logits, k)
    return pair(tokens, deciding, coupling(tokens, deciding), feedback)


def two(count=20_000, lead=0.0):
    return np.random.default_rng(0).standard_normal((count, 2)) + np.array([lead, 0.0])


class TestTwoExperts:
    def test_the_closed_form(self):
        """Margins N(0, 2): kappa_c/mu = sigma sqrt(pi/2), sigma = sqrt 2, and no fold below it."""
        p = found(two())
        assert isinstance(p, Pair)
        exact = float(HardGaussianResponse(2**0.5).critical_feedback())
        assert p.experts == (0, 1)
        assert p.share.number == 1.0
        assert p.critical.ends[0] <= exact <= p.critical.ends[1]
        assert p.critical.number == pytest.approx(exact, rel=0.05)
        assert p.least_fold.number == pytest.approx(exact, rel=0.1)
        assert p.imbalance.ends[0] <= 0 <= p.imbalance.ends[1]

    def test_a_lead(self):
        """Margins N(1, 2): imbalance 2 Phi(1/sqrt 2) - 1, slope 2 phi(1/sqrt 2)/sqrt 2; the fold comes first."""
        from scipy.stats import norm

        p = found(two(lead=1.0))
        assert isinstance(p, Pair)
        assert p.imbalance.number == pytest.approx(2 * norm.cdf(0.5**0.5) - 1, abs=0.03)
        assert p.critical.number == pytest.approx(2**0.5 / (2 * norm.pdf(0.5**0.5)), rel=0.06)
        assert p.least_fold.number < 0.9 * p.critical.number

    def test_folds_at_a_feedback(self):
        """Against the closed member: asymmetries of both folds, in units of mu."""
        p = found(two(40_000), feedback=4.0)
        assert isinstance(p, Pair)
        _, expected = HardGaussianResponse(2**0.5).folds(4.0)
        assert [h for _, h in p.folds] == pytest.approx(expected.tolist(), rel=0.1)
        below = found(two(2000), feedback=1.0)
        assert isinstance(below, Pair)
        assert below.folds == ()


class TestAmongMany:
    def test_the_planted_pair_and_its_weight(self):
        """Half of the tokens are between 2 and 3, the others far from any tie: as of two experts, with q = 1/2."""
        a = np.full((40_000, 5), -20.0)
        a[:, 2:4] = two(40_000)
        a[1::2] = [30.0, 0.0, -5.0, -5.0, -5.0]
        p = found(a)
        assert isinstance(p, Pair)
        assert p.experts == (2, 3)
        assert p.share.number == pytest.approx(0.5)
        exact = 2 * float(HardGaussianResponse(2**0.5).critical_feedback())
        assert p.critical.number == pytest.approx(exact, rel=0.06)

    def test_half_of_the_tokens_take_twice_the_feedback_to_fold(self):
        a = np.full((40_000, 5), -20.0)
        a[:, 2:4] = two(40_000)
        a[1::2] = [30.0, 0.0, -5.0, -5.0, -5.0]
        p = found(a, feedback=8.0)
        assert isinstance(p, Pair)
        _, expected = HardGaussianResponse(2**0.5).folds(4.0)
        assert [h for _, h in p.folds] == pytest.approx(expected.tolist(), rel=0.1)

    def test_slots_divide_the_response(self):
        a = two(20_000)
        with_a_sure_one = np.concatenate([np.full((20_000, 1), 30.0), a], axis=1)
        one, half = found(a), found(with_a_sure_one, k=2)
        assert isinstance(one, Pair)
        assert isinstance(half, Pair)
        assert half.experts == (1, 2)
        assert half.critical.number == pytest.approx(2 * one.critical.number, rel=1e-6)
        assert half.least_fold.number == pytest.approx(2 * one.least_fold.number, rel=1e-6)

    def test_too_few_tokens_between_any_two(self):
        reason = found(np.random.default_rng(0).standard_normal((500, 64)))
        assert reason == "fewer than 50 tokens are decided between the two most exposed experts"

    def test_what_is_not_known_of_the_layer_is_not_known_here(self):
        assert pair("no logits", None, coupling("no logits", None), None) == "no logits"
