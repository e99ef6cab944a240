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


@given(points=st.lists(routers(), min_size=1, max_size=50))
@examples(50)
def test_same_bits_on_the_geometry(fast: Any, points: list[Point]) -> None:
    g, eta = np.array(points).T
    u, stability = fast.solve(g, eta)
    with np.errstate(all="ignore"):
        portable = np.empty_like(u), np.empty_like(stability)
        roots.solve_block(g, eta, *portable)
    np.testing.assert_array_equal(u, portable[0])
    np.testing.assert_array_equal(stability, portable[1])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [1, 4095, 4097, 100_001])
def test_same_bits_across_blocks_and_threads(fast: Any, threads: int, count: int) -> None:
    rng = np.random.default_rng(count)
    g, eta = rng.uniform(0, 3, count), rng.uniform(-1.5, 1.5, count)
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    try:
        u, stability = fast.solve(g, eta)
    finally:
        numba.set_num_threads(before)
    portable = np.empty_like(u), np.empty_like(stability)
    with np.errstate(all="ignore"):
        for part in roots.blocks(g):
            roots.solve_block(g[part], eta[part], portable[0][part], portable[1][part])
    np.testing.assert_array_equal(u, portable[0])
    np.testing.assert_array_equal(stability, portable[1])


def test_folds_have_the_same_bits(fast: Any) -> None:
    rng = np.random.default_rng(0)
    g = np.concatenate([rng.uniform(0, 3, 2000), 1 + 10 ** rng.uniform(-16, 0, 2000), 10 ** rng.uniform(0, 308, 2000)])
    expected = [roots.fold_asymmetry(part) for part in np.array_split(g, 10)]
    np.testing.assert_array_equal(fast.fold_asymmetry(g), np.concatenate(expected))
    column = np.maximum(g, 1.0)[:, None]
    np.testing.assert_array_equal(mc.fold_asymmetry(column), fast.fold_asymmetry(column))


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
