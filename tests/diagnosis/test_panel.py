"""The regressions: what noise that scores remember does to them, and to their errors."""

import numpy as np
import pytest
from scipy.signal import lfilter

from moecusp.diagnosis.panel import backward, covariance, forward, instrumented, least_squares


def remembered(traces, rows, experts, phi, seed=0):
    """Return y = x' - x and x of first-order processes with a level of their own, (traces, rows, experts)."""
    source = np.random.default_rng(seed)
    level = 3.0 * source.normal(size=(traces, experts))
    x = [level + source.normal(size=(traces, experts)) / (1.0 - phi * phi) ** 0.5]
    for _ in range(rows):
        x.append(level + phi * (x[-1] - level) + source.normal(size=(traces, experts)))
    path = np.array(x).swapaxes(0, 1)
    return np.diff(path, axis=1), path[:, :-1]


class TestDeviations:
    """Each row less later ones, or less earlier ones."""

    def test_are_what_they_say(self):
        x = np.random.default_rng(1).normal(size=(7, 2))
        for n in range(6):
            left = 6 - n
            assert forward(x)[n] == pytest.approx((left / (left + 1)) ** 0.5 * (x[n] - x[n + 1 :].mean(axis=0)))
            assert backward(x)[n] == pytest.approx(((n + 1) / (n + 2)) ** 0.5 * (x[n + 1] - x[: n + 1].mean(axis=0)))

    def test_white_noise_stays_white(self):
        map_ = forward(np.eye(9))
        assert map_ @ map_.T == pytest.approx(np.eye(8))


class TestInstrumented:
    """Many experts, few rows: where subtracting means over all rows is wrong by many standard errors."""

    def test_is_free_of_the_bias_of_common_means(self):
        y, x = remembered(200, 60, 32, 0.9)
        found = np.array([instrumented(a, [b], [b]).values[0] for a, b in zip(y, x, strict=True)])
        plain = np.array([least_squares(a, [b]).values[0] for a, b in zip(y, x, strict=True)])
        error = found.std() / 200**0.5
        assert found.mean() == pytest.approx(-0.1, abs=4.0 * error)
        assert plain.mean() < -0.1 - 20.0 * plain.std() / 200**0.5

    def test_errors_are_as_large_as_said(self):
        y, x = remembered(300, 200, 3, 0.8, seed=2)
        fits = [instrumented(a, [b], [b]) for a, b in zip(y, x, strict=True)]
        said = np.mean([covariance(each.influence)[0, 0] for each in fits]) ** 0.5
        assert np.std([each.values[0] for each in fits]) == pytest.approx(said, rel=0.2)  # 5 errors of it

    def test_more_instruments_than_regressors(self):
        """y = 2 a + noise, of a seen with errors: lagged values stand for it, and least squares would shrink it."""
        source = np.random.default_rng(3)
        a = lfilter([1.0], [1.0, -0.95], source.normal(size=(4000, 2)), axis=0)
        seen = a + source.normal(size=a.shape)
        other = a + source.normal(size=a.shape)
        fit = instrumented(2.0 * a + source.normal(size=a.shape), [seen], [other, np.roll(other, 1, axis=0)])
        error = covariance(fit.influence)[0, 0] ** 0.5
        assert fit.values[0] == pytest.approx(2.0, abs=4.0 * error)
        assert error < 0.1
        assert fit.strength[0] > 100.0

    def test_says_when_instruments_say_nothing(self):
        source = np.random.default_rng(4)
        x, z = source.normal(size=(2, 500, 3))
        assert instrumented(x, [x], [z]).strength[0] < 16.0

    def test_time_is_its_own_instrument(self):
        source, time = np.random.default_rng(5), np.arange(300.0)[:, None] * np.array([1.0, -1.0])
        x = source.normal(size=(300, 2))
        fit = instrumented(3.0 * x - 0.5 * time + np.array([7.0, 9.0]), [x], [x], [time])
        assert fit.values == pytest.approx([3.0, -0.5])


class TestLeastSquares:
    """Without instruments."""

    def test_collinear_regressors_are_named(self):
        x = np.random.default_rng(6).normal(size=(50, 2))
        found = least_squares(x, [x, 2.0 * x, x**2])
        assert found.determined.tolist() == [False, False, True]

    def test_what_never_moves_is_not_determined(self):
        x = np.random.default_rng(7).normal(size=(50, 2))
        found = least_squares(3.0 * x, [x, np.full((50, 2), 0.3)])
        assert found.determined.tolist() == [True, False]
        assert found.values[0] == pytest.approx(3.0)


def test_errors_of_neighbours_count_in_full():
    """Rows that share half of their noise with the next: twice the variance of their mean that they seem to have."""
    source = np.random.default_rng(8)
    noise = source.normal(size=(400, 2001))
    rows = 0.5 * (noise[:, 1:] + noise[:, :-1])
    said = np.mean([covariance(each[:, None] / 2000, 1)[0, 0] for each in rows])
    assert said == pytest.approx(1.0 / 2000, rel=0.02)
