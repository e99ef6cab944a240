"""The trace of the diagnosis benchmark is one of a router as said, and its layers share their arrays."""

import numpy as np

from moecusp.diagnosis import diagnose
from validation.benchmarks.diagnosis import BATCHES, model


def test_the_model():
    trace = model(layers=3, experts=8, tokens=20_000, k=2)
    first = trace.records[0]
    samples = [each.sample for each in trace]
    assert all(a is not None and samples[0] is not None and a.scores is samples[0].scores for a in samples)
    assert all(a is not None and samples[0] is not None and a.chosen is samples[0].chosen for a in samples)
    assert (len(trace), first.batches, int(first.tokens.sum())) == (3, BATCHES, 20_000)
    found = diagnose(trace)
    assert {each.rule for each in found.layers} == {"logits"}
    assert found.layers[0].coupling.critical.bounded
    assert np.ptp([each.coupling.critical.number for each in found.layers]) == 0.0
