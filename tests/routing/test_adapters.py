"""Readers of routers whose experts are not called with their choices."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace

import numpy as np
import torch

from moecusp.routing import reader
from moecusp.routing.adapters import READERS


class TestReaders:
    def test_a_reader_is_entered_by_the_name_of_its_class(self, monkeypatch):
        monkeypatch.setattr("moecusp.routing.adapters.READERS", {})

        @reader("Its")
        def read(module, output):
            raise NotImplementedError

        from moecusp.routing import adapters

        assert adapters.READERS == {"Its": read}
        assert set(READERS) == {"Llama4Router", "JetMoeTopKGating", "DogeCDMoE"}

    def test_llama4(self):
        weights, logits = torch.tensor([[0.0, 0.7, 0.2, 0.0], [0.9, 0.0, 0.0, 0.1]]), torch.ones(2, 4)
        found = READERS["Llama4Router"](SimpleNamespace(num_experts=4, top_k=2), (weights, logits))
        assert (found.experts, found.ids.tolist(), found.scores) == (4, [[1, 2], [0, 3]], logits)
        np.testing.assert_array_equal(found.weights, np.float32([[0.7, 0.2], [0.9, 0.1]]))

    def test_jetmoe(self):
        """Slots 2, 0 are of expert 0, slot 3 is of expert 1 and slot 1 of expert 3."""
        output = torch.tensor([2, 0, 3, 1]), None, torch.tensor([0.1, 0.2, 0.3, 0.4]), [2, 1, 0, 1], torch.ones(2, 4)
        found = READERS["JetMoeTopKGating"](SimpleNamespace(num_experts=4, top_k=2), output)
        assert (found.experts, found.ids.tolist(), found.scores) == (4, [[0, 3], [0, 1]], output[4])
        np.testing.assert_array_equal(found.weights, np.float32([[0.2, 0.4], [0.1, 0.3]]))

    def test_doge(self):
        """Expert (x, y) is number 2 x + y and has the score of row x plus that of column y; the fifth has no key."""
        keys = torch.tensor([[[1.0, 0.0], [0.0, 3.0]], [[0.25, 0.0], [2.0, 0.0]]])  # rows and columns of two tokens
        module = SimpleNamespace(num_keys=2, top_k=2, num_experts=5)
        found = READERS["DogeCDMoE"](module, (None, keys))
        sums = [[1.25, 1.0, 0.25, 0.0], [2.0, 0.0, 5.0, 3.0]]
        assert found.scores.tolist() == [[*row, float("-inf")] for row in sums]
        assert (found.experts, found.ids.tolist()) == (5, [[0, 1], [2, 3]])
        for row, weights in zip(([1.25, 1.0], [5.0, 3.0]), found.weights, strict=True):
            np.testing.assert_allclose(weights, np.exp(row) / np.exp(row).sum(), rtol=1e-6)
