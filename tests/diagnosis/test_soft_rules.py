"""Softmax responses are given only where the router may make a softmax."""

import numpy as np

from moecusp.diagnosis import diagnose
from moecusp.trace import Sample, Site, SiteTrace
from tests.diagnosis.planted import trace


def test_sigmoid_routers_have_none():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((2000, 6))
    bias = np.array([0.2, -0.2, 0.1, 0.0, 0.1, -0.2])
    chosen = np.argsort(-(1 / (1 + np.exp(-logits)) + bias), axis=1)[:, :2]
    counts = np.bincount(chosen.ravel(), minlength=6)[None]
    sample = Sample(chosen, scores=logits, kind="raw")
    layer = diagnose(trace(SiteTrace(Site("mlp", 0, 6, 2), counts, [2000], bias=bias[None], sample=sample))).layers[0]
    assert layer.rule == "sigmoid + bias"
    assert layer.coupling.soft.reason == "the router makes no softmax of its logits but sigmoids"
    assert layer.coupling.largest.known
    assert {each.predicted.reason for each in layer.switching.flips} == {
        "the router does not compare the logits themselves"
    }
