"""The classes made up: as hard as they are said to be, against the best possible classifier, and by simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from validation.training.data import resolve as resolving
from validation.training.data.generated import PIXELS, TEST, TRAIN, accuracy, generated, separation

resolve: Any = resolving.resolve  # which says Pictures or Passages


def best(found):
    """Return how often the nearest mean is the class's own, with means from the training images."""
    train, test = (part.reshape(len(part), PIXELS).astype(float) for part in (found.train, found.test))
    classes = len(found.classes)
    means = np.stack([train[found.train_labels == c].mean(axis=0) for c in range(classes)])
    # only the directions between the means tell classes apart: elsewhere their estimates are noise
    basis = np.linalg.svd(means, full_matrices=False)[2][:classes]
    nearest = (test @ basis.T) @ (means @ basis.T).T - 0.5 * (means**2).sum(axis=1)
    return float((nearest.argmax(axis=1) == found.test_labels).mean())


@pytest.mark.parametrize(("classes", "right"), [(2, 0.9), (10, 0.6), (40, 0.9)])
def test_as_hard_as_asked_for(classes, right):
    """Within 4 standard errors, and 1.5 % for means that are estimated from 500 images each or more."""
    found = resolve(f"generated-{classes}-at-{right:g}")
    slack = 4 * (right * (1 - right) / TEST) ** 0.5
    assert right - slack - 0.015 < best(found) < right + slack
    assert accuracy(classes, separation(classes, right)) == pytest.approx(right, abs=1e-9)


def test_accuracy_by_simulation_and_in_closed_form():
    for s in (0.0, 1.0, 3.0):
        assert accuracy(2, s) == pytest.approx(stats.norm.cdf(s / 2**0.5), abs=1e-9)
        assert accuracy(1, s) == pytest.approx(1.0, abs=1e-9)
    noise = np.random.default_rng(0).standard_normal((100_000, 20))
    noise[:, 0] += 2.5
    share = float((noise.argmax(axis=1) == 0).mean())
    assert accuracy(20, 2.5) == pytest.approx(share, abs=4 * (share * (1 - share) / 1e5) ** 0.5)


def test_natural_difficulty_grows_with_the_classes():
    rates = [accuracy(c, 4.0) for c in (2, 10, 50, 200)]
    assert rates == sorted(rates, reverse=True)
    assert generated(200).place == "separation 4"


@pytest.mark.parametrize("classes", [2, 200])
def test_shares_and_sizes(classes):
    found = generated(classes)
    assert found.train.shape == (TRAIN, 1, 16, 16)
    assert found.test.shape == (TEST, 1, 16, 16)
    for labels in (found.train_labels, found.test_labels):
        assert np.ptp(np.bincount(labels, minlength=classes)) <= 1
    assert len(found.classes) == classes


def test_the_same_again_and_another_by_another_name():
    assert generated(5).sha256 == generated(5).sha256
    assert len({generated(5).sha256, generated(5, 0.9).sha256}) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("generated-1", r"^classes = 1: it must be 2 to 200$"),
        ("generated-201", r"^classes = 201: it must be 2 to 200$"),
        ("generated-10-at-.1", r"^right = 0\.1: it must be above 1/classes = 0\.1 and at most \.999$"),
        ("generated-10-at-.9999", r"^right = 0\.9999: "),
        ("generated-10-at-1", r"^no data set "),
        ("generated-", r"^no data set "),
    ],
)
def test_refusals(name, said):
    with pytest.raises(ValueError, match=said):
        resolve(name)
