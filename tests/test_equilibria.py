import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import Regime, Stability
from tests.reference import count_zeros, ulps, zero_near

supercritical = st.floats(-12.0, 12.0).map(lambda e: 1.0 + 10.0**e)


def assert_zeros(gain, asymmetry, limit):
    found = mc.equilibria(gain, asymmetry)
    for u in found.u[: found.count]:
        exact = zero_near(u, gain, asymmetry)
        assert u == 0.0 if exact == 0 or (asymmetry == 0 and u == 0) else ulps(u, exact) <= limit, (gain, asymmetry, u)
    return found


@given(st.floats(0.0, 3.0), st.floats(-1.5, 1.5))
@example(1.0, 0.0)
@example(1.0, 1e-300)
@example(0.0, 1.0)
@example(1.0, -1e-9)
@example(np.nextafter(1.0, 2.0), 0.0)
@example(np.nextafter(1.0, 0.0), 1e-30)
def test_there_are_as_many_as_the_drift_has_zeros(gain, asymmetry):
    found = mc.equilibria(gain, asymmetry)
    if mc.regime(gain, asymmetry) != Regime.FOLD:
        assert found.count == count_zeros(gain, asymmetry)
    assert np.all(np.isnan(found.u[found.count :]))
    assert np.all(np.diff(found.u[: found.count]) > 0)


@given(st.floats(0.0, 1.0), st.floats(-300.0, 300.0).map(lambda e: 10.0**e))
@example(1.0, 5e-324)
@example(np.nextafter(1.0, 0.0), 1e-16)
def test_below_the_critical_gain_to_the_last_digits(gain, size):
    found = mc.equilibria(gain, size)
    assert found.count == 1
    if 1e-100 < size < 1e15:  # where the reference's 60 digits suffice
        assert_zeros(gain, size, 4)
    assert mc.drift(found.u[0], gain, size) == pytest.approx(0.0, abs=1e-15 * (1 + size))


@given(supercritical, st.floats(1e-6, 0.99))
def test_inside_the_cusp_away_from_the_folds(gain, share):
    found = assert_zeros(gain, share * mc.fold_asymmetry(gain), 200)
    assert found.count == 3


@given(supercritical, st.floats(1e-6, 100.0))
def test_outside_the_cusp(gain, excess):
    found = assert_zeros(gain, (1 + excess) * mc.fold_asymmetry(gain), 4)
    assert found.count == 1


@given(supercritical, st.integers(1, 40))
def test_next_to_a_fold_the_count_follows_the_asymmetry(gain, steps):
    fold = mc.fold_asymmetry(gain)
    below, above = fold, fold
    for _ in range(4 * steps):
        below, above = np.nextafter(below, 0.0), np.nextafter(above, np.inf)
    assert mc.equilibria(gain, [below, fold, above]).count.tolist() == [3, 2, 1]


@given(st.floats(0.0, 5.0), st.floats(-2.0, 2.0))
def test_mirror_symmetry(gain, asymmetry):
    right, left = mc.equilibria(gain, asymmetry), mc.equilibria(gain, -asymmetry)
    assert right.count == left.count
    n = right.count
    np.testing.assert_array_equal(right.u[:n], -left.u[:n][::-1])
    np.testing.assert_array_equal(right.stability[:n], left.stability[:n][::-1])


@given(st.floats(0.0, 5.0), st.floats(-2.0, 2.0))
def test_stability_is_the_sign_of_the_slope_of_the_drift(gain, asymmetry):
    found = mc.equilibria(gain, asymmetry)
    for u, stability in zip(found.u, found.stability, strict=True):
        if np.isnan(u):
            assert stability == Stability.ABSENT
        elif abs(mc.slope(u, gain)) > 1e-6:
            assert stability == (Stability.STABLE if mc.slope(u, gain) < 0 else Stability.UNSTABLE)


@given(st.floats(1.001, 5.0), st.floats(-0.99, 0.99))
def test_wells_of_the_potential_are_the_stable_ones(gain, share):
    found = mc.equilibria(gain, share * mc.fold_asymmetry(gain))
    assert found.stability.tolist() == [Stability.STABLE, Stability.UNSTABLE, Stability.STABLE]
    heights = mc.potential(found.u, gain, share * mc.fold_asymmetry(gain))
    assert heights[1] >= max(heights[0], heights[2])


class TestRegime:
    @pytest.mark.parametrize(
        ("gain", "asymmetry", "expected"),
        [
            (1.0, 0.0, Regime.CUSP),
            (1.0, -0.0, Regime.CUSP),
            (1.0, 1e-300, Regime.MONOSTABLE),
            (np.nextafter(1.0, 0.0), 0.0, Regime.MONOSTABLE),
            (np.nextafter(1.0, 2.0), 0.0, Regime.BISTABLE),
            (2.0, 0.5, Regime.BISTABLE),
            (2.0, -0.54, Regime.MONOSTABLE),
        ],
    )
    def test_points(self, gain, asymmetry, expected):
        assert mc.regime(gain, asymmetry) is expected

    @given(supercritical, st.sampled_from([-1.0, 1.0]))
    def test_on_the_fold(self, gain, sign):
        eta = sign * mc.fold_asymmetry(gain)
        assert mc.regime(gain, eta) is Regime.FOLD
        found = mc.equilibria(gain, eta)
        assert found.count == 2
        assert sorted(found.stability.tolist()) == [Stability.ABSENT, Stability.STABLE, Stability.SEMISTABLE]

    def test_the_asymmetry_is_zero_unless_given(self):
        assert mc.regime(1.0) is Regime.CUSP

    def test_arrays_hold_its_values(self):
        regimes = mc.regime([1.0, 2.0], 0.0)
        assert regimes.tolist() == [Regime.CUSP, Regime.BISTABLE]
        assert regimes.dtype == np.int8


def test_load_and_imbalance():
    found = mc.equilibria(2.0)
    low, middle, high = found.load
    assert (middle, low + high) == (0.5, pytest.approx(1.0, abs=1e-16))
    np.testing.assert_allclose(found.imbalance, 2 * found.load - 1, atol=1e-15)
    far = mc.equilibria(0.5, [-300.0, 300.0])
    assert far.load[:, 0] == pytest.approx([np.exp(-601.0), 1.0], rel=1e-10)


def test_extremes_stay_finite():
    for gain, eta in itertools.product([0.0, 5e-324, 1.0, 1.5, 1e154, 1e300], [0.0, 5e-324, 1e-16, 1.0, 1e300]):
        found = mc.equilibria(gain, eta)
        assert np.all(np.isfinite(found.u[: found.count]))
        assert found.count in (1, 3) or mc.regime(gain, eta) is Regime.FOLD  # eta_f(1e300) rounds to 1e300


def test_many_at_once_agree_with_one_by_one():
    rng = np.random.default_rng(5)
    gain, eta = rng.uniform(0, 3, 200), rng.normal(0, 0.5, 200)
    together = mc.equilibria(gain, eta).u
    for row, g, e in zip(together, gain, eta, strict=True):
        np.testing.assert_array_equal(row, mc.equilibria(g, e).u)


@pytest.mark.parametrize("points", [1, 3, 7, 100])
def test_blocks_are_all_points_once(points):
    gain = np.array([[0.5, 1.5, 2.0], [3.0, 1.0, 1.2]])
    found = list(mc.equilibria_blocks(gain, points=points))
    assert [i for part, _ in found for i in range(part.start, part.stop)] == list(range(6))
    whole = mc.equilibria(gain.ravel(), 0.0)
    np.testing.assert_array_equal(np.concatenate([block.u for _, block in found]), whole.u)


class TestBlocksRefuse:
    @pytest.mark.parametrize(
        ("gain", "asymmetry", "message"),
        [
            ([], 0.0, r"^gain = \[\]: gain must be finite and real, and not empty"),
            (np.ones(3), np.ones(4), "^gain and asymmetry = .*broadcast together"),
            ("a", 0.0, "^gain = 'a'"),
            (1.0, [1.0, [2.0]], "^asymmetry = .*regular array"),
            (True, 0.0, "^gain = True"),
        ],
    )
    def test_before_any_block(self, gain, asymmetry, message):
        with pytest.raises(mc.ParameterError, match=message):
            mc.equilibria_blocks(gain, asymmetry)

    def test_tensors_before_any_block(self):
        torch = pytest.importorskip("torch")
        for bad in (torch.ones(2, dtype=torch.bool), torch.ones(2, dtype=torch.complex128), torch.zeros(0)):
            with pytest.raises(mc.ParameterError, match=r"^gain = tensor.*: gain must be finite and real"):
                mc.equilibria_blocks(bad)

    def test_a_value_by_its_place_in_the_argument(self):
        etas = np.zeros((1, 5))
        etas[0, 3] = np.nan
        blocks = mc.equilibria_blocks(np.ones((4, 1)), etas, points=2)
        next(blocks)
        with pytest.raises(mc.ParameterError, match=r"^asymmetry\[0, 3\] = nan"):
            list(blocks)
        with pytest.raises(mc.ParameterError, match=r"^gain\[2, 0\] = -1.0"):
            list(mc.equilibria_blocks([[1.0], [1.0], [-1.0]], etas[:, :3], points=4))

    def test_a_place_in_an_argument_of_fewer_axes(self):
        with pytest.raises(mc.ParameterError, match=r"^asymmetry\[3\] = nan"):
            list(mc.equilibria_blocks(np.ones((4, 1)), [0.0, 0.0, 0.0, np.nan, 0.0], points=2))

    def test_tensors_stay_tensors(self):
        torch = pytest.importorskip("torch")
        gains, etas = torch.linspace(0.5, 2.0, 4, dtype=torch.float64)[:, None], torch.tensor([0.0, 0.1, 0.5])
        whole = mc.equilibria(gains, etas).u.reshape(-1, 3)
        for part, found in mc.equilibria_blocks(gains, etas, points=5):
            assert isinstance(found.u, torch.Tensor)
            assert torch.equal(torch.nan_to_num(found.u, 9.0), torch.nan_to_num(whole[part], 9.0))
        assert len(list(mc.equilibria_blocks(gains[0, 0], 0.1))) == 1
