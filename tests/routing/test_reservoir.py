"""The sample that is kept of a stream: all rows until it is full, then each with an equal chance."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

import numpy as np
import torch

from moecusp.routing.reservoir import Reservoir


class TestReservoir:
    def test_all_rows_until_it_is_full(self):
        kept = Reservoir(5, np.random.default_rng(0))
        kept.add(0, {"x": torch.arange(2.0), "y": torch.zeros(2, 3).half()})
        kept.add(3, {"x": torch.arange(2.0, 4.0), "y": torch.ones(2, 3).half()})
        kept.add(4, {"x": torch.zeros(0), "y": torch.zeros(0, 3).half()})
        assert (kept.seen, kept.batch.tolist(), kept.columns["x"].tolist()) == (4, [0, 0, 3, 3], [0.0, 1.0, 2.0, 3.0])
        assert (kept.columns["y"].shape, kept.columns["y"].dtype) == ((4, 3), torch.float16)
        kept.merge()
        assert kept.batch.tolist() == [0, 0, 1, 1]

    def test_afterwards_row_n_takes_a_place_of_n(self):
        """The places are those of its random numbers, the last row that takes one stays, and columns keep together."""
        size, groups = 4, (3, 5, 1, 40)
        kept, same = Reservoir(size, np.random.default_rng(7)), np.random.default_rng(7)
        wanted, batches, seen = [0] * size, [0] * size, 0
        for batch, count in enumerate(groups):
            kept.add(batch, {"x": torch.arange(seen, seen + count), "z": -torch.arange(seen, seen + count)})
            late = [row for row in range(seen, seen + count) if row >= size]
            for row in range(seen, min(seen + count, size)):
                wanted[row], batches[row] = row, batch
            for row, number in zip(late, same.random(len(late)), strict=True):
                place = int(number * (row + 1))
                if place < size:
                    wanted[place], batches[place] = row, batch
            seen += count
            held = min(seen, size)
            assert kept.columns["x"].tolist() == wanted[:held]
            assert kept.columns["z"].tolist() == [-x for x in wanted[:held]]
            assert kept.batch.tolist() == batches[:held]
        assert kept.seen == sum(groups)
