"""The memory of a recorder is bounded whatever the number of tokens: counts by batches, scores by a reservoir."""

import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from moecusp.routing import Dispatch, record
from tests.routing.own import Model, tokens
from tests.routing.test_recorder import Odd, counts, sample


class TestMemory:
    """Bounded, whatever the number of tokens."""

    def test_every_two_batches_become_one(self):
        model = Model(layers=1)
        groups = [tokens(rows=1, length=4, seed=i) for i in range(11)]
        twin, rows = Model(layers=1), list[list[int]]()
        with record(model, batches=4, sample=10**4) as recorder:
            for step, ids in enumerate(groups):
                for each in (model, twin):
                    each.layers[0].get_buffer("gate.e_score_correction_bias")[3] = -step / 8
                rows.append(counts(twin, ids)[0])
                recorder.step = 10 * step
                model(ids)
        found = recorder.trace().records[0]
        wanted = np.array(rows)
        assert found.counts.tolist() == [wanted[i : i + 4].sum(axis=0).tolist() for i in (0, 4, 8)]
        assert found.steps.tolist() == [0, 40, 80]
        assert sample(found).batch.tolist() == [0] * 16 + [1] * 16 + [2] * 12
        assert found.bias[:, 3].tolist() == [0, -0.5, -1]  # in force when each began

    def test_the_sample_is_bounded_and_uniform(self):
        """Each of 400 tokens stays with probability 1/8, 200 times: false alarm 1e-6 (chi-squared, 399 degrees)."""
        seen = np.zeros(400)
        model = nn.Sequential(Odd())

        def read(module, output):
            return Dispatch(2, torch.zeros(len(output[0]), 1).long(), output[0].reshape(-1, 1))

        for seed in range(200):
            with record(model, sample=50, readers={"Odd": read}, seed=seed) as recorder:
                for part in torch.arange(1.0, 401).split(37):
                    model(part[:, None])
            kept = sample(recorder.trace()["0"])
            assert kept.tokens == 50
            places = kept.weights[:, 0].astype(int) - 1
            assert len(set(places)) == 50
            assert (kept.batch == places // 37).all()
            seen[places] += 1
        expected = 25 * (1 - 50 / 400)  # variance of each, of 200 x 1/8
        assert 290 < ((seen - 25) ** 2 / expected).sum() < 540

    def test_no_sample_on_request(self):
        with record(model := Model(), sample=0) as recorder:
            model(tokens())
        assert recorder.trace().records[0].sample is None

    def test_the_model_is_as_before(self):
        model = Model()
        with record(model) as recorder:
            model(tokens())
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
        gone = weakref.ref(model)
        del model, recorder
        gc.collect()
        assert gone() is None


class NoWaiting(TorchDispatchMode):
    """Refuses whatever makes the host wait for a device: a number read, or a shape that depends on values."""

    WAITS = torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default, torch.ops.aten.bincount.default

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        indices = args[1] if func is torch.ops.aten.index.Tensor else ()
        if func in self.WAITS or any(index is not None and index.dtype == torch.bool for index in indices):
            raise AssertionError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


class TestTheDeviceIsNotWaitedFor:
    def test_while_the_model_runs(self, tmp_path):
        model, ids = Model(), tokens()
        mask = torch.ones_like(ids)
        mask[0, :2] = 0
        with record(model, sample=20, batches=2, stream=tmp_path / "s") as recorder, NoWaiting():
            for _ in range(3):
                model(ids, attention_mask=mask)
        assert recorder.trace().records[0].tokens.tolist() == [26, 13]

    @pytest.mark.parametrize("wait", [lambda x: x.sum().item(), lambda x: x[x > 0], torch.nonzero])
    def test_else_it_would_be_seen(self, wait):
        with pytest.raises(AssertionError, match="waits"), NoWaiting():
            wait(torch.ones(3))
