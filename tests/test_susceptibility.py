"""Susceptibility against the derivative of the loads, and the tie graph against densities known in closed form."""

from __future__ import annotations

import sys

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import moecusp as mc

# hypothesis draws rows that sum to 1, and equal logits
pytestmark = [
    pytest.mark.filterwarnings("ignore:logits look like probabilities"),
    pytest.mark.filterwarnings("ignore:width = .* of the logits"),
]
LOGITS = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.floats(-30, 30))


def exact(logits: np.ndarray, beta: float) -> np.ndarray:
    """The derivative of the mean load, by differentiating softmax term by term with 300 digits."""
    with mp.workdps(300):
        tokens, k = logits.shape
        total = mp.zeros(k)
        for row in logits:
            weights = [mp.exp(mp.mpf(beta) * mp.mpf(float(a))) for a in row]
            z = mp.fsum(weights)
            for i in range(k):
                for j in range(k):
                    total[i, j] += mp.mpf(beta) * weights[i] * ((i == j) * z - weights[j]) / z**2
        return np.array([[float(total[i, j] / tokens) for j in range(k)] for i in range(k)])


class TestSusceptibility:
    @given(LOGITS, st.sampled_from([0.3, 1.0, 7.0]))
    def test_derivative_of_the_load(self, logits, beta):
        np.testing.assert_allclose(mc.susceptibility(logits, beta), exact(logits, beta), rtol=4e-13, atol=1e-300)

    def test_off_by_finite_differences(self):
        logits = np.random.default_rng(1).normal(size=(50, 4))

        def loads(shift):
            p = np.exp(2.0 * (logits + shift))
            return (p / p.sum(axis=1, keepdims=True)).mean(axis=0)

        steps = 1e-5 * np.eye(4)
        numeric = np.array([(loads(s) - loads(-s)) / 2e-5 for s in steps])
        np.testing.assert_allclose(mc.susceptibility(logits, 2.0), numeric, atol=1e-9)

    @given(LOGITS)
    def test_semidefinite_with_constant_kernel(self, logits):
        chi = mc.susceptibility(logits)
        assert np.array_equal(chi, chi.T)
        np.testing.assert_allclose(chi.sum(axis=1), 0.0, atol=1e-15)
        assert np.linalg.eigvalsh(chi)[0] >= -1e-15

    @given(LOGITS, st.randoms(use_true_random=False))
    def test_permuting_experts(self, logits, random):
        order = list(range(logits.shape[1]))
        random.shuffle(order)
        swapped = mc.susceptibility(logits[:, order])
        np.testing.assert_allclose(swapped, mc.susceptibility(logits)[np.ix_(order, order)], rtol=1e-13, atol=1e-300)

    @pytest.mark.parametrize("k", [2, 3, 8])
    def test_uniform(self, k):
        eigenvalues = np.linalg.eigvalsh(mc.susceptibility(np.zeros((3, k)), 2.0))
        np.testing.assert_allclose(eigenvalues, [0.0] + [2.0 / k] * (k - 1), atol=1e-15)

    def test_batches_and_huge_logits(self):
        logits = np.array([[[1e308, -1e308]], [[1e308, 1e308]]])
        assert mc.susceptibility(logits, 1e10).tolist() == [[[0, 0], [0, 0]], [[2.5e9, -2.5e9], [-2.5e9, 2.5e9]]]

    def test_nearly_certain_router_keeps_its_digits(self):
        chi = mc.susceptibility(np.array([[40.0, 0.0]]))
        assert chi[0, 0] == pytest.approx(np.exp(-40.0), rel=1e-15)

    def test_chunks(self, monkeypatch):
        logits = np.random.default_rng(2).normal(size=(101, 3))
        whole = mc.susceptibility(logits)
        monkeypatch.setattr(sys.modules["moecusp._logits"], "_BLOCK", 30)
        np.testing.assert_allclose(mc.susceptibility(logits), whole, rtol=1e-14)

    def test_float32(self):
        assert mc.susceptibility(np.zeros((2, 2), dtype=np.float32)).dtype == np.float32


class TestCriticalFeedbackFromLogits:
    @pytest.mark.parametrize("k", [2, 5])
    def test_uniform_is_the_closed_form(self, k):
        found = mc.critical_feedback_from_logits(np.zeros((4, k)), decay=0.3, inverse_temperature=2.0)
        assert found == pytest.approx(mc.critical_feedback(0.3, 2.0, experts=k), rel=1e-14)

    def test_score_flow_is_marginal_there(self):
        logits = np.random.default_rng(3).normal(size=(200, 4))
        kappa = mc.critical_feedback_from_logits(logits, 0.7, 1.5)
        jacobian = kappa * mc.susceptibility(logits, 1.5) - 0.7 * np.eye(4)
        assert np.linalg.eigvalsh(jacobian)[-1] == pytest.approx(0.0, abs=1e-14)

    def test_certain_router_is_never_unstable(self):
        assert mc.critical_feedback_from_logits(np.array([[1e4, 0.0]])) == np.inf

    def test_batches_and_decays(self):
        found = mc.critical_feedback_from_logits(np.zeros((2, 3, 4)), np.array([1.0, 2.0]))
        np.testing.assert_allclose(found, [4.0, 8.0], rtol=1e-14)


class TestHardSusceptibility:
    def test_two_gaussian_experts(self):
        """The margin of two unit Gaussians has variance 2: c = 1/sqrt(4 pi). False alarm: 6e-7 (five sigma)."""
        found = mc.hard_susceptibility(np.random.default_rng(4).normal(size=(400_000, 2)), width=0.05)
        off = abs(found.susceptibility[0, 1] + 1 / np.sqrt(4 * np.pi))
        assert off < 5 * found.standard_error[0, 1]
        assert found.standard_error[0, 1] < 0.01

    def test_standard_error_is_the_scatter(self):
        draws = np.random.default_rng(5).normal(size=(300, 2000, 3))
        found = mc.hard_susceptibility(draws, width=0.2)
        scatter = found.susceptibility.std(axis=0, ddof=1)
        np.testing.assert_allclose(found.standard_error.mean(axis=0), scatter, rtol=0.2)

    def test_counts_only_the_top_two(self):
        found = mc.hard_susceptibility(np.array([[0.0, 0.01, 5.0], [1.0, 1.05, 0.0]]), width=0.1)
        assert found.susceptibility.tolist() == [[2.5, -2.5, 0.0], [-2.5, 2.5, 0.0], [0.0, 0.0, 0.0]]
        assert found.standard_error[0, 2] == pytest.approx(np.sqrt(0.5 * 0.5 / 2) / 0.2)
        assert found.tokens == 2
        assert found.width == 0.1

    @given(LOGITS)
    def test_is_a_laplacian(self, logits):
        chi = mc.hard_susceptibility(logits, 1.0).susceptibility
        assert np.array_equal(chi, chi.T)
        np.testing.assert_allclose(chi.sum(axis=1), 0.0, atol=1e-15)
        assert np.linalg.eigvalsh(chi)[0] >= -1e-14

    def test_cold_softmax_limit(self):
        """A softmax at temperature T has the tie graph's susceptibility as T falls."""
        draws = np.random.default_rng(6).normal(size=(200_000, 3))
        hard = mc.hard_susceptibility(draws, 0.1)
        soft = mc.susceptibility(draws, 50.0)
        assert np.all(np.abs(hard.susceptibility - soft) < 0.01 + 6 * hard.standard_error)


@pytest.mark.parametrize("bad", [1.0, [1.0, 2.0], [[1.0], [2.0]], [[np.nan, 1.0]], [["a", "b"]], [[1j, 0]], []])
def test_bad_logits(bad):
    for call in (mc.susceptibility, mc.critical_feedback_from_logits, lambda a: mc.hard_susceptibility(a, 0.1)):
        with pytest.raises(mc.ParameterError, match="logits"):
            call(bad)


def test_bad_scales():
    logits = np.zeros((3, 2))
    for bad in (0.0, -1.0, np.nan, [1.0, 2.0]):
        with pytest.raises(mc.ParameterError, match="inverse_temperature"):
            mc.susceptibility(logits, bad)
        with pytest.raises(mc.ParameterError, match="width"):
            mc.hard_susceptibility(logits, bad)
    with pytest.raises(mc.ParameterError, match="decay"):
        mc.critical_feedback_from_logits(logits, 0.0)
    with pytest.raises(mc.ParameterError, match="decay"):
        mc.critical_feedback_from_logits(np.zeros((2, 3, 2)), [1.0, 2.0, 3.0])


def test_two_batch_axes_are_their_parts():
    logits = np.random.default_rng(3).normal(size=(2, 3, 9, 4))
    together = mc.susceptibility(logits, 0.7)
    assert together.shape == (2, 3, 4, 4)
    for place in np.ndindex(2, 3):
        np.testing.assert_allclose(together[place], mc.susceptibility(logits[place], 0.7), rtol=1e-14)


def test_the_slab_is_closed():
    """A token whose two top logits differ by just the width counts, and one a float farther does not."""
    logits = np.array([[0.25, 0.5, -3.0], [0.5 + 2.0**-53, 0.25, -3.0]])
    found = mc.hard_susceptibility(logits, 0.25)
    assert found.susceptibility[0, 1] == -0.5 / 0.5
    assert mc.hard_susceptibility(logits[:, ::-1], 0.25).susceptibility[2, 1] == -0.5 / 0.5


def test_the_top_two_of_many():
    """The pair is that of a full sort, wherever it stands."""
    logits = np.random.default_rng(8).permuted(np.tile(np.arange(9.0), (200, 1)), axis=1)
    counts = np.zeros((9, 9))
    for row in logits:
        i, j = sorted(range(9), key=lambda k: -row[k])[:2]
        counts[i, j] -= 1 / 200 / 2
        counts[j, i] -= 1 / 200 / 2
    found = mc.hard_susceptibility(logits, 1.0).susceptibility
    np.testing.assert_allclose(found - np.diag(np.diag(found)), counts, atol=1e-15)


def test_sums_stay_on_the_device_and_in_the_type_of_the_logits():
    torch = pytest.importorskip("torch")
    module = sys.modules["moecusp.susceptibility"]
    for dtype in (torch.float32, torch.float64):
        assert module._diagonal(torch.ones(3, dtype=dtype)).dtype == dtype
        assert module.laplacian(torch.ones(3, 3, dtype=dtype)).dtype == dtype
        for call in (module._diagonal, module.laplacian):
            assert call(torch.ones(3, 3, dtype=dtype, device="meta")).device.type == "meta"


def test_eigenvalues_of_a_batch_are_scaled_one_by_one():
    module = sys.modules["moecusp.susceptibility"]
    sizes = np.array([1e-300, 1e300, 0.0])
    found = module.largest_eigenvalue(sizes[:, None, None] * np.array([[2.0, -2.0], [-2.0, 2.0]]))
    np.testing.assert_allclose(found, 4 * sizes, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_logits_beside_a_tensor(dtype):
    torch = pytest.importorskip("torch")
    logits = np.array([[0.5, 0.25, -1.0]], dtype=dtype)
    found = mc.critical_feedback_from_logits(logits, torch.tensor(0.5, dtype=torch.float64))
    assert found.dtype == torch.float64
    assert float(found) == pytest.approx(mc.critical_feedback_from_logits(logits.astype(np.float64), 0.5), rel=1e-14)
