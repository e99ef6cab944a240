"""torch.func: vmap and jacrev over the two-expert core against broadcasting and autograd, and clear refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import moecusp as mc

torch = pytest.importorskip("torch")

GAINS = [1.2, 1.5, 3.0]
DRIVES = [0.01, -0.05, 1.0]
CORE: dict[str, tuple[Callable[..., Any], tuple[list[float], ...]]] = {
    "drift": (mc.drift, (DRIVES, GAINS, DRIVES)),
    "slope": (mc.slope, (DRIVES, GAINS)),
    "potential": (mc.potential, (DRIVES, GAINS, DRIVES)),
    "fold_asymmetry": (mc.fold_asymmetry, (GAINS,)),
    "fold_gain": (mc.fold_gain, (DRIVES,)),
    "fold_imbalance": (mc.fold_imbalance, (GAINS,)),
    "hysteresis_width": (mc.hysteresis_width, (GAINS,)),
    "cusp_set": (mc.cusp_set, (GAINS,)),
    "fold_curve": (lambda u: mc.fold_curve(u)[1], (DRIVES,)),
    "equilibria": (lambda g, e: mc.equilibria(g, e).u, (GAINS, DRIVES)),
    "load": (lambda g, e: mc.equilibria(g, e).load, (GAINS, DRIVES)),
    "variance": (lambda g, e: mc.stationary_variance(g, e, 0.1), (GAINS, DRIVES)),
    "autocorrelation": (lambda g, e: mc.lag1_autocorrelation(g, e, 0.1), (GAINS, DRIVES)),
    "gain": (mc.gain, (GAINS, GAINS, GAINS)),
    "critical_feedback": (mc.critical_feedback, (GAINS, GAINS)),
    "reduced_asymmetry": (mc.reduced_asymmetry, (DRIVES, GAINS, GAINS)),
}


def tensors(values: Any) -> list[Any]:
    return [torch.tensor(v, dtype=torch.float64) for v in values]


@pytest.mark.parametrize("name", CORE)
class TestCore:
    def test_vmap_is_broadcasting(self, name: str) -> None:
        function, values = CORE[name]
        given = tensors(values)
        expected = function(*given)
        torch.testing.assert_close(torch.func.vmap(function)(*given), expected, equal_nan=True)
        outer = [torch.stack([g, g.flip(0)]) for g in given]
        twice = torch.func.vmap(torch.func.vmap(function))(*outer)
        torch.testing.assert_close(twice, function(*outer), equal_nan=True)
        across = torch.func.vmap(function, in_dims=1)(*[g.T for g in outer])
        torch.testing.assert_close(across, torch.func.vmap(function)(*outer), equal_nan=True)

    def test_some_arguments_mapped(self, name: str) -> None:
        """The mapped axis comes before those that an argument which is not mapped has of its own."""
        function, values = CORE[name]
        if len(values) == 1:
            return
        first, *rest = tensors(values)
        found = torch.func.vmap(function, in_dims=(0, *(None for _ in rest)))(first, *rest)
        torch.testing.assert_close(found, torch.stack([function(f, *rest) for f in first]), equal_nan=True)

    def test_jacrev_is_autograd(self, name: str) -> None:
        function, values = CORE[name]

        def summed(*x: Any) -> Any:
            return function(*x).nan_to_num(nan=0.0).sum()

        given = [g.requires_grad_() for g in tensors(values)]
        expected = torch.autograd.grad(summed(*given), given)
        places = tuple(range(len(given)))
        plain = [g.detach() for g in given]
        for whole in (
            torch.func.jacrev(summed, places)(*plain),
            torch.func.vmap(torch.func.jacrev(summed, places))(*plain),
        ):
            torch.testing.assert_close(whole, tuple(expected), rtol=1e-12, atol=1e-14)
        hessian = torch.func.vmap(torch.func.jacrev(torch.func.jacrev(summed)))(*plain)
        torch.testing.assert_close(
            hessian,
            torch.autograd.grad(torch.autograd.grad(summed(*given), given, create_graph=True)[0].sum(), given[0])[0]
            if hessian.abs().max() > 0
            else torch.zeros(3, dtype=torch.float64),
            rtol=1e-11,
            atol=1e-13,
        )


def test_regime_under_vmap() -> None:
    gains, drives = tensors([[0.5, 1.0, 1.5], [0.0, 0.0, 0.01]])
    expected = [mc.Regime.MONOSTABLE, mc.Regime.CUSP, mc.Regime.BISTABLE]
    assert torch.func.vmap(mc.regime)(gains, drives).tolist() == mc.regime(gains, drives).tolist() == expected


def test_bad_values_are_found_under_vmap() -> None:
    good, bad = tensors([GAINS, [1.0, -2.0, 3.0]])
    with pytest.raises(mc.ParameterError, match=r"^gain\[1\] = -2.0"):
        torch.func.vmap(mc.drift)(good, bad, good)
    with pytest.raises(mc.ParameterError, match=r"^feedback\[1\] = -2.0"):
        torch.func.vmap(mc.gain)(bad, good, good)
    with pytest.raises(mc.ParameterError, match=r"^decay\[1\] = -2.0"):
        torch.func.vmap(torch.func.jacrev(mc.critical_feedback))(bad, good)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, when it loads forward mode
def test_forward_mode_says_what_to_do() -> None:
    with pytest.raises(NotImplementedError, match=r"use torch\.func.jacrev, not jacfwd"):
        torch.func.jacfwd(mc.fold_asymmetry)(torch.tensor(1.5, dtype=torch.float64))


def test_susceptibility_under_vmap() -> None:
    logits = torch.randn(4, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for function in (mc.susceptibility, mc.critical_feedback_from_logits):
        torch.testing.assert_close(torch.func.vmap(function)(logits), function(logits))
        torch.testing.assert_close(torch.func.vmap(function, in_dims=1)(logits.movedim(0, 1)), function(logits))
    logits[2, 1] = float("nan")
    with pytest.raises(mc.ParameterError, match=r"^logits\[2, 1, 0\] = nan"):
        torch.func.vmap(mc.susceptibility)(logits)
