"""Boundary mass of many experts: against its definition by mpmath, an enclosure, and counted samples."""

import mpmath as mp
import numpy as np
import pytest

import moecusp as mc

PANELS = [-9, -3, -1, 0, 1, 2, 3, 4, 6, 9, 14]


def relative(value, exact):
    return float(abs(mp.mpf(float(value)) / exact - 1))


@pytest.mark.parametrize("experts", [2, 3, 5, 16])
def test_definition(experts):
    with mp.workdps(25):
        for w in (0.3, 1.9, 2.1, 4.0):
            below = mp.quad(lambda x, w=w: mp.npdf(x) * mp.ncdf(x - mp.mpf(w)) ** (experts - 1), PANELS)
            assert relative(mc.expert_boundary_mass(w, experts), 1 - experts * below) <= 1e-14


@pytest.mark.parametrize("experts", [2, 3, 64, 10**4, 10**6])
def test_enclosed(experts):
    pytest.importorskip("flint")
    from moecusp import certify

    for w, sigma in ((1e-7, 1.0), (0.4, 0.7), (5.0, 1.3)):
        for name, arguments in (
            ("mass", (w, experts, sigma)),
            ("slope", (experts, sigma)),
            ("curvature", (experts, sigma)),
        ):
            found = float(getattr(mc, f"expert_boundary_{name}")(*arguments))
            ball = getattr(certify, f"expert_boundary_{name}")(*arguments)
            assert abs(ball - found) <= 1e-13 * abs(ball) + 1e-300


def test_two_experts_are_a_gaussian_margin():
    w = np.logspace(-9, 1, 21)
    np.testing.assert_allclose(mc.expert_boundary_mass(w, 2, 0.7), mc.boundary_mass(w, 0.0, 0.7 * 2**0.5), rtol=1e-14)
    assert mc.expert_boundary_curvature(2) == 0.0


@pytest.mark.parametrize("experts", [3, 8, 256])
def test_remainder_is_of_second_order(experts):
    """Between slope w + q w^2 - slope w^3/12 and slope w; the binary bound of third order does not hold."""
    w = np.logspace(-4, 1, 60)
    mass, slope = mc.expert_boundary_mass(w, experts), mc.expert_boundary_slope(experts)
    q = mc.expert_boundary_curvature(experts)
    assert np.all(mass <= slope * w * (1 + 1e-13))
    assert np.all(mass >= (slope * w + q * w**2 - slope * w**3 / 12) - 1e-13 * slope * w)
    assert (mass[0] - slope * w[0]) / w[0] ** 2 == pytest.approx(q, rel=1e-3)
    assert np.any(np.abs(mass - slope * w) > mc.boundary_remainder(w, 2**0.5))


def test_slope_is_that_of_the_tie_graph():
    """Twice the sum of all pairs' tie densities, counted from samples; 4 standard errors of the count."""
    logits = np.random.default_rng(3).normal(size=(400_000, 5))
    top = np.sort(logits, axis=1)
    for w in (0.02, 0.2):
        share = float(mc.expert_boundary_mass(w, 5))
        seen = np.mean(top[:, -1] - top[:, -2] <= w)
        assert seen == pytest.approx(share, abs=4 * (share / len(logits)) ** 0.5)


def test_units_and_limits():
    assert mc.expert_boundary_mass(0.6, 4, 2.0) == mc.expert_boundary_mass(0.3, 4)
    assert mc.expert_boundary_slope(4, 2.0) == mc.expert_boundary_slope(4) / 2
    assert mc.expert_boundary_curvature(4, 2.0) == mc.expert_boundary_curvature(4) / 4
    assert mc.expert_boundary_mass([0.0, 1e308], 4).tolist() == [0.0, 1.0]
    assert mc.expert_boundary_mass(np.float32(0.5), 3).dtype == np.float32


@pytest.mark.parametrize("bad", [1, 2.5, True, "3", None])
def test_bad_experts(bad):
    for call in (lambda k: mc.expert_boundary_mass(1.0, k), mc.expert_boundary_slope, mc.expert_boundary_curvature):
        with pytest.raises(mc.ParameterError, match="experts"):
            call(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, [], "1"])
def test_bad_numbers(bad):
    for name, call in (
        ("width", lambda v: mc.expert_boundary_mass(v, 3)),
        ("sigma", lambda v: mc.expert_boundary_mass(1.0, 3, v)),
        ("sigma", lambda v: mc.expert_boundary_slope(3, v)),
        ("sigma", lambda v: mc.expert_boundary_curvature(3, v)),
    ):
        with pytest.raises(mc.ParameterError, match=name):
            call(bad)
