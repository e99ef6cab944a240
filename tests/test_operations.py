"""The operations beyond arithmetic: choices by bits and by places against NumPy's own, for arrays and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from moecusp._numerics.operations import split, where

RNG = np.random.default_rng(5)
CONDITION = RNG.uniform(size=(40, 3)) < 0.5
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -1.5, 1.7e308] * 15).reshape(40, 3)


def bits(x: Any) -> Any:
    return np.asarray(x).view(np.int64)


class TestWhere:
    @pytest.mark.parametrize("yes", [SPECIAL, 2.5, -0.0, np.float64(np.nan)])
    @pytest.mark.parametrize("no", [np.flipud(SPECIAL), -3.5, np.inf])
    def test_is_numpys_to_the_bit(self, yes: Any, no: Any) -> None:
        assert np.array_equal(bits(where(CONDITION, yes, no)), bits(np.where(CONDITION, yes, no)))

    def test_strides(self) -> None:
        chosen = where(CONDITION[::2], SPECIAL[::2], np.flipud(SPECIAL)[::2])
        assert np.array_equal(bits(chosen), bits(np.where(CONDITION[::2], SPECIAL[::2], np.flipud(SPECIAL)[::2])))

    @pytest.mark.parametrize(
        ("yes", "no"),
        [(1, 0), (np.arange(3.0), 1.0), (np.ones((40, 3), np.float32), np.float32(2.0)), (1, 0.5)],
    )
    def test_other_types_and_shapes_are_left_to_numpy(self, yes: Any, no: Any) -> None:
        found, expected = where(CONDITION, yes, no), np.where(CONDITION, yes, no)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected, equal_nan=True)

    def test_leaves_its_arguments(self) -> None:
        yes, no = SPECIAL.copy(), np.flipud(SPECIAL).copy()
        where(CONDITION, yes, no)
        assert np.array_equal(bits(yes), bits(SPECIAL))
        assert np.array_equal(bits(no), bits(np.flipud(SPECIAL)))

    def test_scalars(self) -> None:
        assert where(np.True_, 1.0, 2.0) == 1.0
        assert where(np.False_, 1.0, 2.0) == 2.0


class TestSplit:
    @pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
    def test_each_only_where_it_is_wanted(self, share: float, kind: Any) -> None:
        x, y = RNG.uniform(size=(50, 2)), RNG.uniform(size=(50, 2))
        condition = RNG.uniform(size=(50, 2)) < share
        seen = []

        def yes(x: Any, y: Any) -> Any:
            seen.append(np.prod(x.shape))
            return x + y, x - y

        def no(x: Any, y: Any) -> Any:
            seen.append(np.prod(x.shape))
            return x * y, x / y

        total, rest = split(kind(condition), yes, no, kind(x), kind(y))
        assert np.array_equal(np.asarray(total), np.where(condition, x + y, x * y))
        assert np.array_equal(np.asarray(rest), np.where(condition, x - y, x / y))
        assert sum(seen) == x.size
