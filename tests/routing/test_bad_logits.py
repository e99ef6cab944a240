"""What a router does with logits that are no plain numbers: it refuses them before it reinforces, or routes by them."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import moecusp as mc
from moecusp.routing import ReinforcedRouter, load, margins

INF, NAN = float("inf"), float("nan")
BOTH = pytest.mark.parametrize("selection", ["soft", "hard"])


def router(selection="soft", experts=3, dtype=torch.float32, beta=1.0):
    parameters = mc.RouterParameters(1.0, inverse_temperature=beta, experts=experts)
    return ReinforcedRouter(parameters, increment=0.3, selection=selection, dtype=dtype)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@BOTH
@pytest.mark.parametrize(
    ("row", "label"),
    [([0.0, NAN, 1.0], r"logits\[1, 1\] = nan"), ([-INF, NAN, -INF], r"logits\[1, 1\]"), ([-INF] * 3, r"logits\[1\]")],
)
def test_a_bad_token_is_refused_and_reinforces_nothing(selection, row, label):
    it = router(selection)
    with pytest.raises(mc.ParameterError, match=label):
        it(torch.tensor([[0.0, 1.0, 0.0], row]))
    assert it.scores.tolist() == [0.0, 0.0, 0.0]


@BOTH
def test_scores_that_are_no_numbers_are_refused(selection):
    it = router(selection)
    it.scores[1] = NAN
    with pytest.raises(mc.ParameterError, match=r"^scores"):
        it(torch.zeros(2, 3))


@BOTH
def test_plus_infinity_wins_and_is_shared(selection):
    """False alarm: 6e-7 (five standard deviations). Scores do not matter beside it."""
    it = router(selection, experts=4).eval()
    it.scores.copy_(torch.tensor([3.0, 0.0, -2.0, 5.0]))
    assert set(it(torch.tensor([[0.0, INF, 7.0, -INF]]).expand(500, 4), seeded()).tolist()) == {1}
    share = load(it(torch.tensor([[INF, 3e38, INF, 0.0]]).expand(10_000, 4), seeded()), 4)
    assert share[[1, 3]].tolist() == [0.0, 0.0]
    assert abs(share[0] - 0.5) < 5 * 0.5 / 100


@pytest.mark.parametrize("place", [0, 1, 2, 3])
@BOTH
def test_minus_infinity_is_an_expert_that_cannot_be_chosen(selection, place):
    """The others keep their shares; the last place is where rounded sums would leak. False alarm below 4e-6."""
    it, count = router(selection, experts=4, beta=1.5).eval(), 100_000
    logits = torch.zeros(count, 4) if selection == "hard" else torch.tensor([0.0, 0.3, -0.4, 0.2]).expand(count, 4)
    logits = logits.clone()
    logits[:, place] = -INF
    share = load(it(logits, seeded(1)), 4).numpy()
    expected = np.exp(1.5 * logits[0].double().numpy())
    np.testing.assert_allclose(share, expected / expected.sum(), atol=5 * 0.5 / count**0.5)
    assert share[place] == 0.0


def test_the_last_expert_gets_nothing_by_rounding(monkeypatch):
    """The largest number that `torch.rand` can return, where the sum of the weights falls short of 1 or exceeds it."""
    most = 1.0 - 2.0**-24
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, most))
    for experts in range(3, 60):
        logits = torch.linspace(-2.0, 2.0, experts).repeat(1, 1)
        logits[0, -1] = -INF
        assert int(router(experts=experts)(logits)) == experts - 2


def test_sums_that_rise_by_rounding_reach_nobody_who_cannot_be_chosen(monkeypatch):
    """As those of a parallel scan may: each is here a little too large for its place, and the lot falls in between."""
    exact = torch.Tensor.cumsum
    monkeypatch.setattr(
        torch.Tensor, "cumsum", lambda self, dim: exact(self, dim) * (1.0 + 2.0**-20 * torch.arange(self.shape[dim]))
    )
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, 1.0 - 2.0**-24))
    assert int(router(experts=3)(torch.tensor([[0.0, 0.0, -INF]]))) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("beta", [1e-30, 1.0, 1e30])
def test_products_that_overflow_change_nothing(dtype, beta):
    """beta a of 1e38 and more, where softmax of the product is NaN; False alarm: 6e-7."""
    it = router(experts=3, dtype=dtype, beta=beta).eval()
    big = torch.finfo(dtype).max
    assert set(it(torch.tensor([[big, 0.5 * big, -big]], dtype=dtype).expand(99, 3), seeded()).tolist()) == {0}
    share = load(it(torch.tensor([[big, big, -big]], dtype=dtype).expand(10_000, 3), seeded()), 3)
    assert share[2] == 0.0
    assert abs(share[0] - 0.5) < 5 * 0.5 / 100


def test_a_sum_that_overflows_changes_nothing():
    """The logit that is 0 wins by its score, though both sums exceed the type."""
    big = torch.finfo(torch.float32).max
    it = router("hard", experts=2).eval()
    it.scores.copy_(torch.tensor([0.25 * big, 0.5 * big]))
    assert it(torch.tensor([[big, big]])).tolist() == [1]


@BOTH
def test_padding_is_left_out(selection):
    it, same = router(selection), router(selection)
    logits = torch.randn(3, 3, generator=seeded())
    padded = torch.cat([logits, torch.full((2, 3), NAN)])
    chosen = it(padded, seeded(1), mask=torch.tensor([1, 1, 1, 0, 0]))
    assert chosen[3:].tolist() == [-1, -1]
    if selection == "hard":
        assert torch.equal(chosen[:3], same(logits, seeded(1)))
        assert torch.equal(it.scores, same.scores)
    np.testing.assert_allclose(it.scores, 0.3 * np.bincount(chosen[:3], minlength=3) / 3, rtol=1e-6)
    for bad in ([True] * 4, [False] * 5, [0, 1, 2, 0, 0], ["a"] * 5, [0.5] * 5):
        with pytest.raises(mc.ParameterError, match=r"^mask"):
            it(padded, mask=bad)


def test_margins():
    logits = torch.tensor([[0.0, -INF], [-INF, 0.0], [INF, 1.0], [INF, INF], [2.0, 0.5]])
    assert margins(logits).tolist() == [INF, -INF, INF, 0.0, 1.5]
    assert margins(logits[None].half()).shape == (1, 5)
    wrong: tuple[Any, ...] = (
        torch.tensor([[NAN, 0.0]]),
        torch.full((1, 2), -INF),
        np.zeros((3, 2)),
        torch.zeros(2, 2).to_sparse(),
    )
    for bad in wrong:
        with pytest.raises(mc.ParameterError, match=r"^logits"):
            margins(bad)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: ReinforcedRouter(3.0, increment=0.1), "parameters"),  # type: ignore[arg-type]
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1, dtype="float32"), "dtype"),  # type: ignore[arg-type]
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1, device="nowhere"), "device"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1, device=1.5), "device"),  # type: ignore[arg-type]
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0), increment=1e-6), "increment"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0, decay=1e-4), increment=0.1), "increment"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1e300), increment=0.1), "feedback"),
        (lambda: ReinforcedRouter(mc.RouterParameters(1.0, 1.0, 1e-60), increment=0.1), "inverse_temperature"),
        (lambda: router()(np.zeros((4, 3))), "logits"),
        (lambda: router()([[0.0, 1.0, 2.0]]), "logits"),
        (lambda: router()(torch.zeros(4, 3, device="meta")), "logits"),
        (lambda: router()(torch.zeros(4, 3).to_sparse()), "logits"),
        (lambda: router()(torch.zeros(4, 3, dtype=torch.complex64)), "logits"),
        (lambda: router()(torch.zeros(4, 3, dtype=torch.bool)), "logits"),
        (lambda: router()(torch.zeros(4, 3), generator=3), "generator"),
        (lambda: load(np.zeros(3, dtype=int), 2), "chosen"),  # type: ignore[arg-type]
        (lambda: load(torch.zeros(3), 2), "chosen"),
        (lambda: load(torch.zeros(3, dtype=torch.complex64), 2), "chosen"),
        (lambda: load(torch.zeros(3, dtype=torch.int64), 1), "experts"),
        (lambda: mc.susceptibility(torch.zeros(4, 3, device="meta")), "logits"),
        (lambda: mc.gain(torch.ones(3).to_sparse()), "feedback"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(mc.ParameterError, match=rf"^{name} = "):
        call()


def test_a_small_increment_with_a_large_decay_is_kept():
    """What float32 rounds away is the step, increment times decay."""
    assert ReinforcedRouter(mc.RouterParameters(1.0, decay=100.0), increment=1e-6).increment == 1e-6


def test_a_device_that_is_not_there():
    if not torch.cuda.is_available():
        with pytest.raises(mc.ParameterError, match=r"^device = 'cuda': device must be .* on this machine"):
            ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1, device="cuda")


def test_probabilities_get_a_hint_once():
    p = torch.softmax(torch.randn(50, 3, generator=seeded()), dim=-1).bfloat16()
    it = router()
    with pytest.warns(UserWarning, match="look like probabilities"):
        it(p)
    it(p)
    router()(torch.tensor([[1.0, 0.0, 0.0]]))  # legal logits, and no probabilities that a softmax gives
    with pytest.warns(UserWarning, match="look like probabilities"):
        margins(torch.tensor([[0.25, 0.75]]))


def test_a_missing_torch_names_the_extra():
    code = "import sys; sys.modules['torch'] = None; import moecusp.routing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: moecusp.routing needs PyTorch: pip install 'moecusp[torch]'" in done.stderr
