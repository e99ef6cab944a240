"""The contenders of the benchmark of response matrices compute the same."""

import numpy as np
import pytest

import moecusp as mc
from validation.benchmarks import responses


@pytest.fixture(name="given", scope="module")
def _given():
    return responses.logits(responses.PART + 1000, 5)


def test_soft(given):
    ours = mc.susceptibility(given.astype(np.float64))
    for plain in (responses.soft_numpy, responses.soft_torch):
        np.testing.assert_allclose(plain(given), ours, rtol=1e-12)
    assert mc.susceptibility(given).dtype == np.float32  # of what it was given, though computed in float64
    np.testing.assert_allclose(mc.soft_susceptibility(given).susceptibility, ours, rtol=1e-6)


@pytest.mark.parametrize("k", [1, 2])
def test_hard(given, k):
    ours = mc.hard_susceptibility(given.astype(np.float64), width=0.05, top_k=k).susceptibility
    np.testing.assert_allclose(responses.hard_numpy(given, 0.05, k), ours, rtol=1e-12)


def test_folds():
    margins = np.random.default_rng(1).normal(0.3, 1.5, 20_000)
    response = mc.EmpiricalResponse(margins, inverse_temperature=1.0)
    feedback = 1.5 * float(response.critical_feedback())
    np.testing.assert_allclose(responses.folds_plain(margins, feedback), response.folds(feedback)[0], rtol=1e-9)
