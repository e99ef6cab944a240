"""Many margins as few weighted points: the means of smooth functions, against sums over all of them."""

import math

import numpy as np
import pytest
from scipy.special import erf

import moecusp as mc
from moecusp.responses.condensed import NODES
from moecusp.responses.condensed import condensed as maybe_condensed

COUNT = 20_000


def condensed(margins, width):
    found = maybe_condensed(margins, width)
    assert found is not None
    return found


def kernels(way, x):
    """Return G and G' of each token, x in units of 2/beta or of the jitter."""
    if way == "soft":
        fall = np.exp(-2.0 * abs(x))
        return np.tanh(x), 4.0 * fall / (1.0 + fall) ** 2
    return erf(x / math.sqrt(2.0)), math.sqrt(2.0 / math.pi) * np.exp(-0.5 * x * x)


def margins(kind):
    """Margins in units of the width, 20,000 of them, ascending."""
    random = np.random.default_rng(0)
    made = {
        "normal": lambda: random.normal(0.3, 3.0, COUNT),
        "ends of bins": lambda: np.repeat(np.arange(20.0), COUNT // 20) + 1e-9 * random.choice([-1, 1], COUNT),
        "bfloat16": lambda: np.round(random.normal(0.0, 2.0, COUNT) * 64.0) / 64.0,
        "one": lambda: np.full(COUNT, 0.7),
        "far apart": lambda: random.normal(0.0, 1.0, COUNT) + 3000.0 * random.integers(0, 2, COUNT),
    }
    return np.sort(made[kind]())


KINDS = ["normal", "ends of bins", "bfloat16", "one", "far apart"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["soft", "jitter"])
def test_values_and_slopes_are_those_of_all_tokens(kind, way):
    """To 4 ulp of the largest value, and slopes relatively too, in tails down to 1e-40 of the peak."""
    given, scale = margins(kind), 0.25
    at = scale * np.array([-13.0, -3.3, -0.7, 0.0, 0.31, 2.0, 5.9, -3000.0, -1500.0])
    options = {"inverse_temperature": 2.0 / scale} if way == "soft" else {"jitter": scale}
    response = mc.EmpiricalResponse(scale * given, **options)
    points, weights = response._measure
    assert weights is not None
    assert points.size <= COUNT / 4
    for z in at:
        x = (z + scale * given) / scale
        value, slope = (math.fsum(each) / COUNT for each in kernels(way, x))
        wanted, peak = (value, slope / scale), 1.0 / scale
        assert abs(float(response.value(z)) - wanted[0]) <= 4 * 2.0**-52
        if wanted[1] > 1e-40 * peak:
            assert float(response.slope(z)) == pytest.approx(wanted[1], rel=5e-13, abs=0.0)
        else:
            assert abs(float(response.slope(z))) <= 1.01 * wanted[1]


@pytest.mark.parametrize("kind", KINDS)
def test_polynomials_of_a_bin_are_exact(kind):
    """All moments up to order 23 are kept, in each bin, to what the digits of a position move them."""
    given = margins(kind)
    points, weights = condensed(given, 1.0)
    bins, of = np.floor(given - given[0]), np.floor(points - given[0])
    assert points.size == NODES * np.unique(bins).size
    assert (np.diff(points) > 0.0).all()
    for number in np.unique(bins):
        t, u = (2.0 * (x[b == number] - given[0] - number) - 1.0 for x, b in ((given, bins), (points, of)))
        for power in (0, 1, 2, 11, NODES - 1):
            total, moved = math.fsum(t**power) / COUNT, power * 2.0**-51 * np.abs(given).max() * t.size / COUNT
            assert math.fsum(weights[of == number] * u**power) == pytest.approx(total, abs=1e-15 + moved)


@pytest.mark.parametrize("height", [0.6, 0.8, 1.0, 1.4])
def test_the_error_keeps_its_bound(height):
    """A function with poles at such a height over a bin's middle, the hardest place: bounded, and not by much more."""
    given = np.sort(np.random.default_rng(1).uniform(0.0, 1.0, COUNT))
    given[0], given[-1] = 0.0, 1.0 - 1e-12
    points, weights = condensed(given, 1.0)

    def f(x):
        return 1.0 / (1.0 + ((x - 0.5) / height) ** 2)

    found = []
    for share in np.linspace(0.5, 0.999, 500):  # rho of ellipses that do not reach the poles
        rho = share * (2.0 * height + math.sqrt(4.0 * height**2 + 1.0))
        if rho > 1.0:
            found.append(4.0 / (1.0 - ((rho - 1.0 / rho) / (4.0 * height)) ** 2) * rho ** (1 - NODES) / (rho - 1.0))
    assert abs(weights @ f(points) - math.fsum(f(given)) / COUNT) <= min(found) + 1e-15
    errors = []
    for x in np.linspace(0.0, 0.999, 300):  # nearly all margins at one place
        points, weights = condensed(np.repeat([0.0, x], [2, 198]), 1.0)
        errors.append(abs(weights @ f(points) - 0.01 * f(0.0) - 0.99 * f(x)))
    assert min(found) / 100.0 - 1e-15 <= max(errors) <= min(found) + 1e-15


@pytest.mark.parametrize("options", [{"inverse_temperature": 3.0}, {"jitter": 0.4}])
def test_folds_solve_their_equation(options):
    """Where kappa G' = mu, and h = mu z - kappa G, with G and G' from sums over all tokens."""
    given = np.random.default_rng(2).normal([-2.0, 1.0], [0.5, 1.0], (COUNT // 2, 2)).ravel()
    response = mc.EmpiricalResponse(given, **options)
    assert response._measure[1] is not None
    feedback = 2.0 * float(response.critical_feedback())
    folds, asymmetry = response.folds(feedback)
    assert folds.size == 2
    for z, h in zip(folds, asymmetry, strict=True):
        way, scale = ("jitter", 0.4) if "jitter" in options else ("soft", 2.0 / 3.0)
        value, slope = (math.fsum(each) / COUNT for each in kernels(way, (z + given) / scale))
        assert feedback * slope / scale == pytest.approx(1.0, rel=1e-12)
        assert z - feedback * value == pytest.approx(h, abs=1e-12)


def test_what_saves_nothing_is_left_alone():
    few, wide = np.linspace(0.0, 1.0, 50), np.linspace(0.0, 5000.0, COUNT)
    assert maybe_condensed(few, 1.0) is None
    assert maybe_condensed(wide, 1.0) is None
    assert maybe_condensed(np.repeat([0.0, 1e300], COUNT), 1e-9) is None
    assert maybe_condensed(np.repeat([-1.7e308, 1.7e308], COUNT), 1.0) is None
    assert mc.EmpiricalResponse(few, jitter=0.5)._measure[1] is None


@pytest.mark.parametrize("options", [{"inverse_temperature": 2.0}, {"jitter": 1.0}])
@pytest.mark.parametrize("copies", [1, 500])
def test_far_away_everything_is_decided(options, copies):
    response = mc.EmpiricalResponse([-1e4, 0.0, 1e4] * copies, **options)
    wanted = {-2e4: -1.0, -5e3: -1 / 3, 5e3: 1 / 3, 2e4: 1.0, 1e300: 1.0}
    for z, share in wanted.items():
        assert float(response.value(z)) == pytest.approx(share, abs=1e-15)
        assert float(response.slope(z)) == 0.0
    assert response.value(list(wanted)).tolist() == pytest.approx(list(wanted.values()), abs=1e-15)
