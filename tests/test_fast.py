"""The compiled loops: the same bits as the portable path, used where they pay, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp._numerics import roots
from tests.examples import examples
from tests.strategies import Point, routers

numba = pytest.importorskip("numba")


@pytest.fixture(scope="module")
def fast() -> Any:
    from moecusp._numerics import fast

    return fast


@pytest.mark.parametrize("name", ["fold_curve", "fold_gain"])
def test_large_curves_are_compiled(fast: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    plain = getattr(fast, name)

    def noted(x: Any) -> Any:
        called.append(x.size)
        return plain(x)

    monkeypatch.setattr(fast, name, noted)
    getattr(mc, name)(np.full(roots.FEW - 1, 0.5))
    getattr(mc, name)(np.full(roots.FEW, 0.5))
    assert called == [roots.FEW]


@given(points=st.lists(routers(), min_size=1, max_size=50))
@examples(50)
def test_same_bits_on_the_geometry(fast: Any, points: list[Point]) -> None:
    g, eta = np.array(points).T
    u, stability = fast.solve(g, eta)
    with np.errstate(all="ignore"):
        portable = np.empty_like(u), np.empty_like(stability)
        roots.solve_sheet(g, eta, *portable)
    np.testing.assert_array_equal(u, portable[0])
    np.testing.assert_array_equal(stability, portable[1])


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 4095, 4097, 250_001])
def test_same_bits_across_blocks_and_threads(fast: Any, threads: int, count: int) -> None:
    rng = np.random.default_rng(count)
    g, eta = rng.uniform(0, 3, count), rng.uniform(-1.5, 1.5, count)
    u, stability = fast.solve(g, eta, threads)
    portable = np.empty_like(u), np.empty_like(stability)
    with np.errstate(all="ignore"):
        for part in roots.blocks(g, roots.SHEET):
            roots.solve_sheet(g[part], eta[part], portable[0][part], portable[1][part])
    np.testing.assert_array_equal(u, portable[0])
    np.testing.assert_array_equal(stability, portable[1])
    assert count < 200_000 or count // (fast.SHARE * fast.BLOCK) >= threads, "every thread has a share"


def test_folds_have_the_same_bits(fast: Any) -> None:
    rng = np.random.default_rng(0)
    g = np.concatenate([rng.uniform(0, 3, 2000), 1 + 10 ** rng.uniform(-16, 0, 2000), 10 ** rng.uniform(0, 308, 2000)])
    expected = [roots.fold_asymmetry(part) for part in np.array_split(g, 10)]
    np.testing.assert_array_equal(fast.fold_asymmetry(g), np.concatenate(expected))
    column = np.maximum(g, 1.0)[:, None]
    np.testing.assert_array_equal(mc.fold_asymmetry(column), fast.fold_asymmetry(column))


def pieces(function: Any, x: Any) -> Any:
    """Return the rows of function(x), a large array, worked out in parts too small for compiled loops."""
    parts = np.array_split(x, -(-x.size // (roots.FEW - 1)))
    return np.concatenate([np.reshape(function(part), (-1, part.size)) for part in parts], axis=1)


def test_fold_curve_has_the_same_bits(fast: Any) -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    size = np.concatenate([
        10 ** rng.uniform(-323, 308, n), rng.uniform(0, 3, n), rng.uniform(3, 360, n), rng.uniform(354.5, 356.5, n),
        10 ** rng.uniform(-95, -85, n), [0.0, 5e-324, 1.25, np.nextafter(1.25, 0), 355.58, 1.7e308],
    ])  # fmt: skip
    u = np.concatenate([size, -size])
    expected = pieces(roots.fold_curve, u)
    np.testing.assert_array_equal(np.stack(fast.fold_curve(u)).view(np.int64), expected.view(np.int64))
    gain, asymmetry = mc.fold_curve(u.reshape(2, -1).T)
    np.testing.assert_array_equal(gain, expected[0].reshape(2, -1).T)
    np.testing.assert_array_equal(asymmetry, expected[1].reshape(2, -1).T)
    assert not np.any(np.signbit(asymmetry[asymmetry == 0.0]))


def test_fold_gains_have_the_same_bits(fast: Any) -> None:
    rng = np.random.default_rng(2)
    n = 20_000
    size = np.concatenate([10 ** rng.uniform(-323, 308, n), rng.uniform(0, 3, n), 10 ** rng.uniform(-31, 1, n), [0.0]])
    eta = np.concatenate([size, -size])
    np.testing.assert_array_equal(fast.fold_gain(eta), pieces(roots.fold_gain, eta)[0])
    np.testing.assert_array_equal(mc.fold_gain(eta[::2]), fast.fold_gain(eta)[::2])


def test_small_inputs_do_not_load_numba() -> None:
    code = (
        "import sys, numpy as np, moecusp as mc; mc.equilibria(np.full(1000, 1.5), 0.1); print('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_large_inputs_are_compiled(fast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    plain = fast.solve

    def noted(g: Any, eta: Any) -> Any:
        called.append(g.size)
        return plain(g, eta)

    monkeypatch.setattr(fast, "solve", noted)
    found = mc.equilibria(np.full((100, 100), 1.5), 0.1)
    assert called == [10_000]
    assert np.all(found.u == mc.equilibria(1.5, 0.1).u)
