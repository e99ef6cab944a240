"""The contenders of the benchmark train the same models: their losses agree, step after step."""

from __future__ import annotations

import re

import numpy as np
import torch

from validation.benchmarks import sweep
from validation.training.sources import draw
from validation.training.sweep import Schedule

EXPERTS, MODELS = 8, 3


def test_contenders_have_the_same_losses(monkeypatch):
    """One rate for all, as the others have; five steps in float64, so that Adam enlarges no rounding."""
    monkeypatch.setattr(sweep, "SCHEDULE", Schedule(5, 32, rate=1e-2, encoder_rate=1e-2))
    items = draw([torch.Generator().manual_seed(n) for n in range(MODELS)], 5, 32, sweep.digits().items)
    steps = {name: make(EXPERTS, MODELS, torch.float64) for name, make in sweep.CONTENDERS.items()}
    found = {name: np.array([step(each).numpy() for each in items]) for name, step in steps.items()}
    assert found["engine"].shape == (5, MODELS)
    assert np.ptp(found["engine"], axis=0).min() > 0.1
    for each in found.values():
        np.testing.assert_allclose(each, found["engine"], rtol=1e-9)


def test_rows_have_ratios_of_each_contender(monkeypatch):
    monkeypatch.setattr(sweep, "CASES", ((4, 8, 2),))
    (row,) = sweep.rows(count=3, seconds=0.001)[2:]
    assert re.fullmatch(r"\| 4 \| 8 \| 2 (\| \d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\) ){3}\|", row)
