"""The best update rate of several modes: that of one mode where all answer alike, and the least of the imbalance."""

from __future__ import annotations

import numpy as np
import pytest

from moecusp import best_update_rate
from validation.trained.best_rate import least, lowest


def test_modes_that_answer_alike_are_one():
    drift, answers, noises = 0.02, np.array([[0.3, 0.3], [0.8, 0.8]]), np.array([[0.001, 0.003], [0.002, 0.0005]])
    expected = best_update_rate(drift, answers[:, 0], noises.sum(axis=1))
    assert least(np.full(2, drift**2), answers, noises) == pytest.approx(expected, rel=1e-9)


def test_no_other_rate_is_better():
    answers, noises, square = np.array([0.0, 0.2, 0.9]), np.array([0.0, 0.004, 0.001]), 3e-4
    found = float(least(np.array(square), answers, noises))

    def imbalance(rate):
        return square / rate**2 + (rate * answers * noises / (2.0 - rate * answers)).sum()

    rates = np.linspace(0.01, 2.2, 200_001)
    by_hand = rates[np.argmin([imbalance(rate) for rate in rates])]
    assert found == pytest.approx(by_hand, abs=2e-5)


def test_the_lowest_point_of_a_parabola_and_none_of_a_hill():
    factors = (0.4, 0.7, 1.2, 1.8)
    curves = np.exp(np.array([0.5, -0.5]) * (np.log(factors)[:, None, None] - 0.3) ** 2 * np.ones((4, 2, 2)))
    assert lowest(factors, curves) == pytest.approx([0.3, np.nan], nan_ok=True)
