import copy

import numpy as np
import pytest
import torch

import moecusp as mc
from moecusp.routing import ReinforcedRouter, load, margins

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def generator(seed=0, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


@pytest.fixture(autouse=True)
def _need_device(request):
    if "cuda" in request.node.name and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.mark.parametrize("selection", ["soft", "hard"])
def test_one_step_is_the_rule(selection):
    """s_i <- s_i + eps (kappa f_i - mu s_i + h_i) with f the shares of the batch, decay and temperature not 1."""
    parameters = mc.RouterParameters(3.0, decay=0.5, inverse_temperature=1.5, asymmetry=0.2, experts=3)
    router = ReinforcedRouter(parameters, increment=0.1, selection=selection, dtype=torch.float64)
    start = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    router.scores.copy_(start)
    chosen = router(torch.randn(64, 3, generator=generator(), dtype=torch.float64), generator(1))
    share = np.bincount(chosen.numpy(), minlength=3) / 64
    expected = start.numpy() + 0.1 * (3.0 * share - 0.5 * start.numpy() + np.array([0.2, 0.0, 0.0]))
    np.testing.assert_allclose(router.scores.numpy(), expected, rtol=1e-14)


def test_hard_selection_is_the_largest_logit_plus_score():
    router = ReinforcedRouter(mc.RouterParameters(1.0, experts=4), increment=0.1, selection="hard").eval()
    router.scores.copy_(torch.tensor([0.5, 0.0, -0.5, 0.2]))
    logits = torch.randn(1000, 4, generator=generator())
    assert torch.equal(router(logits), (logits + router.scores).argmax(dim=-1))


@pytest.mark.parametrize("experts", [2, 3])
def test_ties_are_broken_evenly(experts):
    """False alarms below 1e-6: 5 standard deviations of a share of 20,000 tokens."""
    router = ReinforcedRouter(mc.RouterParameters(1.0, experts=experts), increment=0.1, selection="hard").eval()
    share = load(router(torch.zeros(20_000, experts), generator(3)), experts)
    np.testing.assert_allclose(share, 1 / experts, atol=5 * 0.5 / 20_000**0.5)


def test_soft_selection_samples_the_softmax():
    """False alarms below 1e-6 a share: 5 standard deviations."""
    beta, count = 1.7, 40_000
    router = ReinforcedRouter(
        mc.RouterParameters(1.0, inverse_temperature=beta, experts=3), increment=0.1, selection="soft"
    ).eval()
    router.scores.copy_(torch.tensor([0.4, -0.3, 0.0]))
    share = load(router(torch.zeros(count, 3), generator(4)), 3).numpy()
    expected = np.exp(beta * router.scores.numpy())
    np.testing.assert_allclose(share, expected / expected.sum(), atol=5 * 0.5 / count**0.5)


@pytest.mark.parametrize("selection", ["soft", "hard"])
def test_the_long_run_load_is_that_of_the_theory(selection):
    """Routers started on each side settle on the stable loads of `equilibria`, or of the Gaussian response.

    Tolerance: 6 standard deviations of the linear noise, which itself is averaged over 64 routers.
    """
    sides = torch.tensor([1.0, -1.0]).repeat_interleave(32)
    if selection == "soft":
        parameters = mc.RouterParameters(np.full(64, 2.8), decay=0.8, inverse_temperature=1.2)
        expected = mc.RouterParameters(2.8, 0.8, 1.2).equilibria().imbalance[[2, 0]]
    else:
        parameters = mc.RouterParameters(np.full(64, 1.8))
        expected = mc.HardGaussianResponse(1.0).equilibria(1.8).imbalance[[2, 0]]
    router = ReinforcedRouter(parameters, increment=0.02, selection=selection)
    router.scores[:, 0] = sides
    source, shares = generator(7), []
    for step in range(1500):
        noise = torch.randn(64, 256, 1, generator=source) if selection == "hard" else torch.zeros(1, 256, 1)
        chosen = router(torch.cat([noise, torch.zeros_like(noise)], dim=-1), source)
        if step >= 750:
            shares.append(2 * load(chosen, 2)[:, 0] - 1)
    mean = torch.stack(shares).mean(dim=0).reshape(2, 32).mean(dim=1)
    np.testing.assert_allclose(mean.numpy(), expected, atol=0.01)


def test_ties_follow_the_generator():
    """The lots come from the generator that is handed in, and from nothing else: not from torch's own."""
    logits = torch.zeros(64, 3)
    router = ReinforcedRouter(mc.RouterParameters(1.0, experts=3), increment=0.1, selection="hard").eval()
    torch.manual_seed(1)
    first = router(logits, generator(5))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(router(logits, generator(5)), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(router(logits, generator(6)), first)


def test_no_lot_is_drawn_without_a_tie():
    """So that a run does not depend on how tokens before it were routed; an expert below the tie gets none."""
    router = ReinforcedRouter(mc.RouterParameters(1.0, experts=3), increment=0.1, selection="hard").eval()
    source = generator(5)
    state = source.get_state()
    assert router(torch.tensor([[2.0, 2.5, 3.0], [0.0, 0.0, 1.0]]), source).tolist() == [2, 2]
    assert torch.equal(source.get_state(), state)
    assert set(router(torch.tensor([[1.0, 0.5, 1.0]]).expand(50, 3), source).tolist()) == {0, 2}


def test_eval_mode_does_not_reinforce():
    router = ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1).eval()
    before = router.scores.clone()
    router(torch.randn(8, 2), generator())
    assert torch.equal(router.scores, before)


def test_reproducible_from_a_generator_and_resumable_from_a_state_dict():
    def run(router, steps, source):
        for _ in range(steps):
            router(torch.randn(5, 16, 2, generator=source), source)
        return router.scores.clone()

    parameters = mc.RouterParameters(np.linspace(1, 3, 5))
    whole = run(ReinforcedRouter(parameters, increment=0.1), 20, generator(1))
    source = generator(1)
    first = ReinforcedRouter(parameters, increment=0.1)
    run(first, 10, source)
    second = ReinforcedRouter(mc.RouterParameters(np.ones(5)), increment=0.1)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert torch.equal(run(second, 10, source), whole)


def test_leading_shapes_broadcast():
    router = ReinforcedRouter(mc.RouterParameters(np.full((4, 3), 2.0)), increment=0.1)
    assert router(torch.randn(4, 1, 10, 2), generator()).shape == (4, 3, 10)
    assert router(torch.randn(10, 2), generator()).shape == (4, 3, 10)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_devices_and_types(device, dtype):
    router = ReinforcedRouter(mc.RouterParameters(2.0), increment=0.1, selection="hard").to(device=device, dtype=dtype)
    logits = torch.randn(32, 2, generator=generator(0, device), device=device).to(dtype)
    chosen = router(logits, generator(0, device))
    state = torch.float32 if dtype == torch.bfloat16 else dtype  # never narrower
    assert (chosen.device.type, chosen.dtype, router.scores.dtype) == (device, torch.int64, state)
    assert bool((chosen == logits.argmax(dim=-1)).all())


def test_no_gradient_reaches_the_logits():
    logits = torch.randn(8, 2, requires_grad=True)
    router = ReinforcedRouter(mc.RouterParameters(2.0), increment=0.1)
    assert not router(logits, generator()).requires_grad
    assert not router.scores.requires_grad


def test_margins():
    assert margins(torch.tensor([[[1.0, 3.0]], [[0.0, -1.0]]], dtype=torch.bfloat16)).tolist() == [[-2.0], [1.0]]
    with pytest.raises(mc.ParameterError, match="logits"):
        margins(torch.zeros(4, 3))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.0), "increment"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment="abc"), "increment"),  # type: ignore[arg-type]
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0, decay=4.0), increment=0.5), "increment"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1, selection="top2"), "selection"),  # type: ignore[arg-type]
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1, dtype=torch.int64), "dtype"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1)(torch.zeros(4, 3)), "logits"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1)(torch.zeros(0, 2)), "logits"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1)(torch.zeros(5, 4, 2)), "logits"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(mc.ParameterError, match=rf"^{name} = "):
        call()
