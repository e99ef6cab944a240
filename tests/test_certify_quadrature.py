"""How enclosures integrate: pieces, ellipses, Gauss's rule and its error, tails of the normal, the logistic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import acb, arb

from moecusp.certify import integrals
from tests.enclosures import about


class TestIntegrals:
    def test_pieces(self) -> None:
        seen = integrals.integral(lambda x: x * x, [arb(0), arb(1), arb(1), arb(3)], 60)
        assert seen.overlaps(arb(9))
        assert seen.rad() < 1e-15
        assert integrals.integral(lambda x: x, [arb(2), arb(1)], 60) == 0

    def test_ellipse(self) -> None:
        found = integrals.ellipse(arb(2), arb(3))
        assert about(found.real, 2 - 5, 2 + 5, 1e-6)
        assert about(found.imag, -4, 4, 1e-6)

    @pytest.mark.parametrize("bound", [1.0, 1e-3, 1e30])
    @pytest.mark.parametrize("error", [1e-3, 1e-20])
    def test_nodes_and_their_error(self, bound: float, error: float) -> None:
        """Enough nodes, and no more than two too many."""
        nodes = integrals.gauss_nodes(arb(bound), arb(error))
        assert nodes >= 2
        assert integrals.gauss_error(arb(bound), nodes) <= error or bound <= error
        if nodes > 4:
            assert integrals.gauss_error(arb(bound), nodes - 3) > error

    def test_few_nodes_are_two(self) -> None:
        assert integrals.gauss_nodes(arb(1), arb(1)) == 2
        assert integrals.gauss_nodes(arb(1), arb(2)) == 2
        assert integrals.gauss_error(arb(1), 2).overlaps(arb(24) / 5 / 81)

    def test_rule(self) -> None:
        rule = integrals.gauss_legendre(5, 120)
        nodes, weights = np.polynomial.legendre.leggauss(5)
        assert np.allclose(sorted(float(x) for x, _ in rule), nodes)
        assert np.allclose(sorted(float(w) for _, w in rule), sorted(weights))
        assert sum((w * x**8 for x, w in rule), arb(0)).overlaps(arb(2) / 9)
        assert max(w.rad() for _, w in rule) < arb(2) ** -110

    def test_normal(self) -> None:
        assert integrals.upper_normal(arb(0)) == 0.5
        assert abs(float(integrals.upper_normal(arb(1.5))) - 0.5 * math.erfc(1.5 / math.sqrt(2))) < 1e-15

    def test_logistic_of_exact_numbers(self) -> None:
        assert integrals.logistic(arb(0)) == 0.5
        assert abs(float(integrals.logistic(arb(2))) - 1 / (1 + math.exp(2))) < 1e-15
        assert abs(complex(integrals.logistic(acb(2, 1))) - 1 / (1 + np.exp(2 + 1j))) < 1e-14

    @pytest.mark.parametrize("side", [1, -1])
    def test_logistic_far_out_is_bounded_however_wide_its_imaginary_part(self, side: int) -> None:
        found = integrals.logistic(acb(arb(side * 10), arb(0, 100)))
        q = math.exp(-10)
        far = q / (1 - q)
        centre = 0 if side > 0 else 1
        assert about(found.real, centre - far, centre + far, 1e-7)
        assert about(found.imag, -far, far, 1e-7)
        assert not integrals.logistic(acb(arb(0.5), arb(0, 100))).is_finite()
