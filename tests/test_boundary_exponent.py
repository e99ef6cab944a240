"""The local exponent of recorded margins: coverage, false alarms and power, by simulation; and its arguments."""

import numpy as np
import pytest
import torch

import moecusp as mc
from moecusp import Linearity, boundary_exponent

RNG = np.random.default_rng


def saddle(rng, n):
    x, y = rng.normal(size=(2, n))
    return y * y - x * x


LINEAR = {
    "gaussian": lambda rng, n: rng.normal(0.3, 1.0, n),
    "sphere": lambda rng, n: (rng.normal(size=(3, n)) ** 2).sum(axis=0) - 2.0,
    "laplace": lambda rng, n: rng.laplace(size=n),
    "three experts": lambda rng, n: np.diff(np.sort(rng.normal(size=(3, n)), axis=0), axis=0)[-1],
    "sixteen experts": lambda rng, n: np.diff(np.partition(rng.normal(size=(16, n)), 14, axis=0)[-2:], axis=0)[-1],
    # as trained routers have them: most tokens are decided, few are torn
    "two peaks": lambda rng, n: 0.5 * rng.normal(size=n) + np.where(rng.random(n) < 0.5, 1.0, -1.0),
    "a deep dip": lambda rng, n: 0.3 * rng.normal(size=n) + np.where(rng.random(n) < 0.5, 1.0, -1.0),
}
BENT = {
    "cubic": (lambda rng, n: rng.normal(size=n) ** 3, 1 / 3),
    "square": (lambda rng, n: rng.normal(size=n) ** 2, 1 / 2),
    "a vanishing density": (lambda rng, n: np.abs(rng.normal(size=n)) ** 0.5, 2.0),
}


def verdicts(draw, n, repeats, seed=0):
    found = [boundary_exponent(draw(RNG([seed, k]), n)) for k in range(repeats)]
    return [each.verdict for each in found], found


class TestFalseAlarms:
    @pytest.mark.parametrize("name", LINEAR)
    @pytest.mark.parametrize("tokens", [2_000, 20_000])
    def test_linear_laws_are_not_called_otherwise(self, name, tokens):
        """At most 1 % where the law is linear: 60 draws show 3 or more with probability 2 % even at that rate."""
        seen, _ = verdicts(LINEAR[name], tokens, 60)
        assert seen.count(Linearity.NOT_LINEAR) <= 2

    @pytest.mark.parametrize("name", [name for name in LINEAR if name not in ("two peaks", "a deep dip")])
    def test_and_are_called_linear_by_enough_tokens(self, name):
        seen, found = verdicts(LINEAR[name], 200_000, 10)
        assert seen.count(Linearity.LINEAR) >= 8
        assert np.mean([each.estimate for each in found]) == pytest.approx(1.0, abs=0.03)

    def test_a_window_in_which_the_density_climbs_leaves_it_open(self):
        seen, _ = verdicts(LINEAR["a deep dip"], 200_000, 5)
        assert set(seen) == {Linearity.CANNOT_TELL}


class TestCoverage:
    @pytest.mark.parametrize("exponent", [1 / 3, 1.0, 2.0])
    def test_of_exact_powers(self, exponent):
        """A 90 % interval of 400 draws holds the exponent in 84 to 96 %: beyond 4 standard errors."""
        held = 0
        for k in range(400):
            found = boundary_exponent(RNG([3, k]).random(4_000) ** (1 / exponent), confidence=0.9)
            held += found.low <= exponent <= found.high
        assert 0.84 <= held / 400 <= 0.96

    def test_extrapolation_takes_out_what_one_window_is_off_by(self):
        """M(w) = w (1 - w/2) has the exponent 1, a window of half the tokens gives .8."""
        found = boundary_exponent(1.0 - np.sqrt(1.0 - RNG(4).random(2_000_000)), share=0.5)
        assert found.estimate == pytest.approx(1.0, abs=0.03)
        assert found.verdict is Linearity.LINEAR


class TestPower:
    @pytest.mark.parametrize("name", BENT)
    def test_bent_laws_are_found(self, name):
        draw, exponent = BENT[name]
        seen, found = verdicts(draw, 100_000, 5)
        assert set(seen) == {Linearity.NOT_LINEAR}
        assert np.mean([each.estimate for each in found]) == pytest.approx(exponent, rel=0.03)
        assert all(not each.low < 1.0 < each.high for each in found)

    def test_a_crossing_is_found_and_never_called_linear(self):
        seen, found = verdicts(saddle, 1_000_000, 6)
        assert Linearity.LINEAR not in seen
        assert seen.count(Linearity.NOT_LINEAR) >= 4
        assert np.mean([each.estimate for each in found]) == pytest.approx(0.872, abs=0.02)
        assert Linearity.LINEAR not in verdicts(saddle, 50_000, 20)[0]

    @pytest.mark.parametrize("half", [0.001, 0.01, 0.05, 0.3])
    def test_a_flat_piece_is_found_whatever_its_size(self, half):
        x = RNG(5).normal(size=100_000)
        found = boundary_exponent(np.sign(x) * np.maximum(np.abs(x) - half, 0.0))
        assert found.verdict is Linearity.NOT_LINEAR
        assert found.estimate < 0.3
        assert found.tied == np.count_nonzero(np.abs(x) <= half)


class TestGrid:
    @pytest.mark.parametrize("spacing", [1e-4, 3e-4])
    def test_a_fine_grid_changes_nothing(self, spacing):
        x = RNG(6).normal(size=200_000)
        found = boundary_exponent(np.round(x / spacing) * spacing, resolution=spacing)
        assert found.verdict is Linearity.LINEAR

    def test_a_coarse_grid_leaves_it_open(self):
        found = boundary_exponent(np.round(RNG(6).normal(size=200_000) / 0.02) * 0.02, resolution=0.02)
        assert found.verdict is Linearity.CANNOT_TELL

    def test_the_type_of_the_margins_is_a_grid_of_its_own(self):
        x = torch.randn(100_000, generator=torch.Generator().manual_seed(0))
        assert boundary_exponent(x.double()).verdict is Linearity.LINEAR
        assert boundary_exponent(x) == boundary_exponent(x.numpy())
        assert boundary_exponent(x.bfloat16()).tied > 0  # 2^-7 of the largest margin: margins below it are unresolved
        assert boundary_exponent(x.bfloat16()).verdict is Linearity.CANNOT_TELL


class TestArguments:
    def test_sign_order_shape_and_unit_do_not_matter(self):
        x = RNG(7).normal(size=50_000)
        usual = boundary_exponent(x)
        assert boundary_exponent(-x[::-1].reshape(100, 500)) == usual
        scaled = boundary_exponent(8.0 * x)
        assert scaled[:6] == (*usual[:5], 8.0 * usual.width)

    @pytest.mark.parametrize("tokens", [1, 2, 10, 1_000])
    def test_too_few_tokens_give_no_interval(self, tokens):
        found = boundary_exponent(RNG(8).normal(size=tokens))
        assert found.verdict is Linearity.CANNOT_TELL
        assert (found.low, found.high) == (0.0, np.inf)

    def test_margins_all_equal(self):
        assert boundary_exponent(np.zeros(10_000)).verdict is Linearity.NOT_LINEAR
        assert boundary_exponent(np.ones(10_000)).verdict is Linearity.CANNOT_TELL

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ({"margins": []}, "margins"),
            ({"margins": [1.0, np.nan]}, r"margins\[1\]"),
            ({"margins": [1.0, np.inf]}, r"margins\[1\]"),
            ({"margins": [1j]}, "margins"),
            ({"margins": torch.ones(3, requires_grad=True)}, "margins"),
            ({"margins": [1.0], "confidence": 1.0}, "confidence"),
            ({"margins": [1.0], "tolerance": 0.0}, "tolerance"),
            ({"margins": [1.0], "share": 0.6}, "share"),
            ({"margins": [1.0], "resolution": -1.0}, "resolution"),
        ],
    )
    def test_bad_ones_are_named(self, arguments, name):
        with pytest.raises(mc.ParameterError, match=f"^{name} = "):
            boundary_exponent(**arguments)
