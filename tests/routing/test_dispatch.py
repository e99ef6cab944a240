"""Where the slots of a router go: ids and masks, codes of what is not routed, counts."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

import torch

from moecusp.routing import Dispatch
from moecusp.routing.dispatch import counted
from moecusp.trace import UNROUTED

CODE = {kind: 4 + i for i, kind in enumerate(UNROUTED)}


class TestDispatch:
    def test_codes(self):
        """-1 is null, 4 and 5 are identity, later ids of other ranks; a weight of 0 means what it was said to."""
        ids, weights = torch.tensor([[0, 3], [-1, 4], [5, 6], [1, -2]]), torch.ones(4, 2)
        weights[0, 0] = weights[3, 0] = 0.0
        null, identity, sentinel = (CODE[kind] for kind in ("null", "identity", "sentinel"))
        for zero in ("null", "skipped"):
            found = Dispatch(4, ids, weights, beyond=2, zero=zero)
            assert found.codes().tolist() == [
                *([CODE[zero], 3], [null, identity], [identity, sentinel], [CODE[zero], null])
            ]
            assert (found.tokens, found.k, found.problem, int(found.crowded())) == (4, 2, "", 0)
        assert Dispatch(4, ids, weights).codes()[1].tolist() == [null, sentinel]
        assert Dispatch(4, ids.int(), weights.reshape(-1)).codes().dtype == torch.int64

    def test_masks(self):
        mask = torch.zeros(3, 2, 5)
        mask[0, 0, 3] = mask[0, 1, 4] = mask[1, 0, 0] = 2.0
        weights = torch.tensor([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
        found = Dispatch(4, mask.long(), weights, beyond=1)
        dropped = CODE["dropped"]
        assert found.codes().tolist() == [[3, CODE["identity"]], [CODE["null"], dropped], [dropped, dropped]]
        mask[2, 1, 1] = mask[2, 1, 2] = mask[1, 0, 4] = 1.0
        assert int(Dispatch(4, mask.long(), weights, beyond=1).crowded()) == 2

    def test_counts(self):
        codes = torch.tensor([[0, 3], [3, 4 + 2], [1, 1]])
        cells = [1, 2, 0, 2, *(0, 0, 1, 0, 0, 0), 3]
        assert counted(codes, None, 4).tolist() == cells
        assert counted(codes, torch.tensor([True, False, True]), 4).tolist() == [1, 2, 0, 1, *(0, 0, 0, 0, 0, 2), 2]
        assert counted(codes, None, 4).dtype == torch.int64
