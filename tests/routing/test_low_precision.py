"""Routers in half precision: state and sampling stay in float32 or wider."""

import numpy as np
import pytest
import torch
from scipy import stats

import moecusp as mc
from moecusp.routing import ReinforcedRouter, load

NARROW = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("how", ["constructed", "cast"])
@pytest.mark.parametrize("dtype", NARROW)
def test_the_mean_is_reached(dtype, how):
    """6,000 steps towards kappa/mu = 1: 1 - (1 - eps)^n, to what 6,000 roundings of float32 can move it, 1e-6."""
    made = {"dtype": dtype} if how == "constructed" else {}
    router = ReinforcedRouter(mc.RouterParameters(1.0), increment=1e-3, selection="hard", **made)
    router = router.to(dtype) if how == "cast" else router
    logits = torch.tensor([[1.0, 0.0]], dtype=dtype)
    for _ in range(6000):
        router(logits)
    assert router.scores.tolist() == pytest.approx([1.0 - 0.999**6000, 0.0], rel=1e-6)
    assert router.scores[0] == pytest.approx(0.9975287, abs=1e-6)


@pytest.mark.parametrize("dtype", NARROW)
def test_many_equal_experts_get_their_shares(dtype):
    """Pearson's statistic of 256 cells; false alarm 1e-6 on either side. 200,000 tokens resolve a 2 % excess."""
    count, experts = 200_000, 256
    router = ReinforcedRouter(mc.RouterParameters(1.0, experts=experts), increment=0.1, dtype=dtype).eval()
    chosen = router(torch.zeros(count, experts, dtype=dtype), torch.Generator().manual_seed(3))
    counts = load(chosen, experts).numpy() * count
    statistic = ((counts - count / experts) ** 2).sum() * experts / count
    assert counts.min() > 0
    assert stats.chi2.ppf(1e-6, experts - 1) < statistic < stats.chi2.isf(1e-6, experts - 1)


def test_casts_keep_the_digits_of_the_state():
    """A cast to bfloat16 and on, as of a whole model, loses nothing that float32 holds."""
    router = ReinforcedRouter(mc.RouterParameters(1.0 / 3.0), increment=0.1, dtype=torch.float64)
    assert router.feedback.item() == 1.0 / 3.0
    router.bfloat16()
    assert router.feedback.dtype == torch.float32
    assert router.feedback.item() == np.float32(1.0 / 3.0)
    assert router.half().to("cpu").scores.dtype == torch.float32
    assert router.double().scores.dtype == torch.float64


@pytest.mark.parametrize("dtype", NARROW)
def test_scores_below_the_grid_of_the_logits_count(dtype):
    """A score of 1e-4 decides between equal logits of 100, whose neighbours in bfloat16 are 0.5 apart."""
    router = ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1, selection="hard").eval()
    router.scores[1] = 1e-4
    assert router(torch.full((9, 2), 100.0, dtype=dtype)).tolist() == [1] * 9


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_parameters_of_narrow_tensors(dtype):
    made = mc.RouterParameters(
        torch.tensor([3.0, 4.0], dtype=dtype, requires_grad=True), decay=torch.tensor(0.5, dtype=dtype), asymmetry=0.25
    )
    plain = mc.RouterParameters([3.0, 4.0], 0.5, asymmetry=0.25)
    assert made == plain
    assert made != mc.RouterParameters([3.0, 4.5], 0.5, asymmetry=0.25)
    assert hash(made) == hash(plain)
    router = ReinforcedRouter(made, increment=0.1)
    assert router.feedback.tolist() == [3.0, 4.0]
    assert router.decay.tolist() == [0.5, 0.5]
    assert router.drive.tolist() == [[0.25, 0.0]] * 2
    assert not any(state.requires_grad for state in router.buffers())
    with pytest.raises(mc.ParameterError, match=r"^increment"):
        ReinforcedRouter(made, increment=4.0)
