"""Early warnings: how often stationary runs are called, and runs towards a fold."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom, kendalltau

from moecusp import ParameterError
from moecusp.diagnosis import early_warning
from moecusp.diagnosis.early_warning import _detrended, _memory, _surrogates


def stationary(traces, rows, phi, noise=0.0, modes=1, seed=0):
    source = np.random.default_rng(seed)
    x = lfilter([1.0], [1.0, -phi], source.normal(size=(traces, rows + 400, modes)), axis=1)[:, 400:]
    return x + noise * x.std() * source.normal(size=x.shape)


class TestFalseAlarms:
    """At level 0.2, which fewer runs can check than 0.05: at most as many as chance allows (1 in 10,000)."""

    TRACES, LEVEL = 100, 0.2

    @pytest.mark.parametrize(
        ("phi", "noise", "modes"),
        [(0.0, 0.0, 1), (0.9, 0.0, 1), (0.97, 0.0, 1), (0.95, 0.0, 5), (0.95, 1.0, 1)],
        ids=["white", "memory", "long memory", "modes", "noisy"],
    )
    def test_are_as_rare_as_stated(self, phi, noise, modes):
        runs = stationary(self.TRACES, 300, phi, noise, modes)
        alarms = sum(
            early_warning(each, level=self.LEVEL, surrogates=39, seed=seed).warns for seed, each in enumerate(runs)
        )
        assert alarms <= binom.isf(1e-4, self.TRACES, self.LEVEL)


class TestPower:
    """Runs whose memory rises to the brink."""

    def path(self, source, rows=1500):
        x, path = 0.0, []
        for phi in np.linspace(0.7, 0.99, rows):
            x = phi * x + source.normal()
            path.append(x)
        return np.array(path)

    def test_most_are_called(self):
        source = np.random.default_rng(1)
        called = sum(early_warning(self.path(source), surrogates=39, seed=n).warns for n in range(40))
        assert called >= 24

    def test_not_when_time_runs_backwards(self):
        source = np.random.default_rng(2)
        called = sum(early_warning(self.path(source)[::-1], surrogates=39, seed=n).warns for n in range(20))
        assert called == 0


class TestNumbers:
    """What is returned, by definitions written out."""

    def test_windows_and_trends(self):
        x = stationary(1, 150, 0.8, seed=3)[0, :, 0]
        found = early_warning(x, window=0.4, surrogates=19)
        time = np.arange(150.0)
        flat = x - np.polyval(np.polyfit(time, x, 1), time)
        for place in (0, 7, 90):
            piece = flat[place : place + 60]
            assert found.ends[place] == place + 59
            assert found.variance[place] == pytest.approx(piece.var())
            near = ((piece[1:] * piece[:-1]).mean() - piece.mean() ** 2) / piece.var()
            assert found.autocorrelation[place] == pytest.approx(near)
        assert found.variance_trend == pytest.approx(kendalltau(found.ends, found.variance).statistic)

    def test_the_least_p_value_is_one_over_the_draws(self):
        source = np.random.default_rng(4)
        found = early_warning(source.normal(size=400) * np.linspace(0.1, 3.0, 400) ** 2 + 0.0, surrogates=19)
        assert found.p_value >= 1.0 / 20.0
        assert len(found.ends) == len(found.variance) == len(found.autocorrelation)


@pytest.mark.parametrize(
    ("series", "options", "name"),
    [
        (np.zeros(300), {}, "series"),
        (np.arange(50.0), {}, "series"),
        (np.ones((200, 2, 2)), {}, "series"),
        (np.arange(200.0) ** 2, {"window": 0.99}, "window"),
        (np.arange(200.0) ** 2, {"level": 0.0}, "level"),
        (np.arange(200.0) ** 2, {"surrogates": 5}, "surrogates"),
        (np.arange(200.0) ** 2, {"seed": -1}, "seed"),
    ],
    ids=["still", "short", "axes", "window", "level", "surrogates", "seed"],
)
def test_refusals(series, options, name):
    with pytest.raises(ParameterError, match=f"^{name} = "):
        early_warning(series, **options)


@pytest.mark.parametrize("noise", [0.0, 1.0], ids=["plain", "noisy"])
def test_surrogates_remember_as_the_series_does(noise):
    """At one record and at two, so that noise of observation is told from a short memory."""
    x = stationary(1, 4000, 0.9, noise, seed=5)[0]
    x = x - x.mean()

    def memory(path):
        return np.array([(path[lag:] * path[:-lag]).mean() / (path**2).mean() for lag in (1, 2)])

    drawn = np.mean([memory(each) for each in _surrogates(x, 30, np.random.default_rng(6))], axis=0)
    assert drawn == pytest.approx(memory(x), abs=0.02)


@pytest.mark.parametrize(("phi", "noise"), [(0.97, 1.0), (0.97, 0.0), (0.5, 0.5)], ids=["noisy", "plain", "short"])
def test_memory_is_told_from_noise(phi, noise):
    """Also where a ratio of autocovariances hardly tells: for the noisy one it is .78 on average."""
    found = np.array([_memory(_detrended(each)) for each in stationary(40, 600, phi, noise, seed=7)])
    assert np.median(found[:, 0]) == pytest.approx(phi, abs=0.02 if phi > 0.9 else 0.1)
    assert np.median(found[:, 1]) == pytest.approx(1.0 / (1.0 + noise**2), abs=0.1)
