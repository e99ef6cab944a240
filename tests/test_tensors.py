"""Torch tensors in every public function: NumPy's values, the caller's type, derivatives, and complaints by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import moecusp as mc
from moecusp import ParameterError
from tests.tensors import CASES, LOGITS, RESPONSES, Case

torch = pytest.importorskip("torch")
NUMBERS = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")],
    ),
]

# no formulas of real arguments, with the reason
WITHOUT = {
    "simulate": "draws random numbers; it has a torch backend of its own",
    "equilibria_blocks": "cuts NumPy grids that are too large to hold",
}
NUMBER = "a number about an interface or a landscape: a tensor that asks for a gradient is refused"
MATRICES = "of matrices and their eigenvectors: a tensor that asks for a gradient is refused"
WITHOUT_GRADIENT = {
    "balance_loss_growth": MATRICES,
    "balance_loss_jacobian": MATRICES,
    "critical_loss_weight": MATRICES,
    "largest_safe_loss_weight": MATRICES,
    "proportional_covariance": MATRICES,
    "sign_covariance": MATRICES,
    "sign_tracking_lag": NUMBER,
    "boundary_exponent": "counts tokens",
    "ellipse_tie_density": NUMBER,
    "expert_boundary_curvature": NUMBER,
    "expert_boundary_slope": NUMBER,
    "parabola_tie_density": NUMBER,
    "power_boundary_mass": NUMBER,
    "routing_saddle": NUMBER,
    "saddle_boundary_mass": NUMBER,
    "soft_risk_constant": NUMBER,
    "sphere_tie_density": NUMBER,
    "threshold_shift": NUMBER,
    "regime": "a label",
    "hard_susceptibility": "counts tokens",
    "soft_susceptibility": "an estimate; `susceptibility` has the derivatives",
    "balanced_critical_gain": "of an integer",
    "equal_depth_gain": "of an integer",
    "expert_fold_gain": "of an integer",
}


def leaves(case: Case, dtype: Any = torch.float64, device: str = "cpu") -> list[Any]:
    return [torch.tensor(v, dtype=dtype, device=device, requires_grad=True) for v in case.arguments.values()]


def same(found: Any, expected: Any, ulps: float) -> None:
    """Fail unless the two are within so many ulp of the larger, entries of a matrix of its largest."""
    expected = np.asarray(expected)
    unit = np.spacing(np.abs(expected).max() if ulps > 8 else np.abs(expected))
    assert np.all(np.abs(found - expected) <= ulps * unit)


def test_every_public_function_is_here() -> None:
    functions = {n for n in mc.__all__ if n[0].islower()}
    covered = {name.split(" ")[0] for name in CASES} & functions
    assert functions - covered == WITHOUT.keys() | WITHOUT_GRADIENT.keys()
    members = {n for n in mc.__all__ if n.endswith("Response")} - {"LoadResponse"}
    assert members == {type(r).__name__ for r in RESPONSES.values()}


@NUMBERS
class TestEveryFunction:
    @pytest.mark.parametrize("device", DEVICES)
    def test_values_type_and_device(self, case: Case, device: str) -> None:
        found = case.call(*leaves(case, device=device))
        expected = case.call(*map(np.array, case.arguments.values()))
        assert found.dtype == torch.float64
        assert found.device.type == device
        same(found.detach().cpu().numpy(), expected, case.ulps)

    @pytest.mark.parametrize("device", DEVICES)
    def test_first_derivatives(self, case: Case, device: str) -> None:
        assert torch.autograd.gradcheck(case.call, leaves(case, device=device))

    def test_second_derivatives_are_right_or_refused(self, case: Case) -> None:
        if case.orders == 2:
            assert torch.autograd.gradgradcheck(case.call, leaves(case), atol=1e-4)
            return
        given = leaves(case)
        gradients = torch.autograd.grad(case.call(*given).sum(), given, create_graph=True)
        with pytest.raises(NotImplementedError, match="no derivative of this order"):
            sum(g.sum() for g in gradients).backward()

    def test_no_argument_is_detached(self, case: Case) -> None:
        """Alone among plain numbers, each argument keeps its gradient."""
        whole = torch.autograd.grad(case.call(*leaves(case)).sum(), leaves(case), allow_unused=True)
        assert whole == (None,) * len(case.arguments)  # other leaves: nothing leaks between calls
        given = leaves(case)
        together = torch.autograd.grad(case.call(*given).sum(), given)
        for k, expected in enumerate(together):
            mixed = [np.array(v) for v in case.arguments.values()]
            mixed[k] = leaves(case)[k]
            (alone,) = torch.autograd.grad(case.call(*mixed).sum(), mixed[k])
            torch.testing.assert_close(alone, expected, rtol=1e-12, atol=1e-14)

    def test_broadcasting(self, case: Case) -> None:
        """A gradient is summed over the axes along which its argument was broadcast."""
        if "logits" in case.arguments or "susceptibility" in case.arguments:
            return
        given = leaves(case)
        wide = [given[0][:, None], *given[1:]]
        (found,) = torch.autograd.grad(case.call(*wide).sum(), given[0])
        rows = [torch.autograd.grad(case.call(g, *given[1:]).sum(), g)[0] for g in given[0].detach().requires_grad_()]
        torch.testing.assert_close(found, torch.stack(rows), rtol=case.grid, atol=1e-14)

    def test_float32(self, case: Case) -> None:
        given = leaves(case, torch.float32)
        found = case.call(*given)
        assert found.dtype == torch.float32
        exact = [leaf.detach().double().requires_grad_() for leaf in given]
        result = case.call(*exact)
        torch.testing.assert_close(found, result.float(), rtol=2e-7, atol=0.0)
        gradients = torch.autograd.grad(found.sum(), given)
        for gradient, expected in zip(gradients, torch.autograd.grad(result.sum(), exact), strict=True):
            assert gradient.dtype == torch.float32
            torch.testing.assert_close(gradient, expected.float(), rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1j, True, "range", "empty"], ids=str)
    def test_bad_tensors_are_named(self, case: Case, bad: Any) -> None:
        for name in case.arguments:
            given = dict(zip(case.arguments, leaves(case), strict=True))
            tensor = given[name].detach()
            if name == "logits" and bad == float("inf"):  # shared evenly
                continue
            if bad == "range":
                if name not in OUTSIDE or case.call is mc.flip_step:  # which takes any gain
                    continue
                given[name] = torch.full_like(tensor, OUTSIDE[name])
            elif bad == "empty":
                given[name] = tensor.flatten()[:0]
            else:
                given[name] = torch.full_like(tensor, bad, dtype=None if isinstance(bad, float) else type(bad))
            with pytest.raises(ParameterError, match=rf"^{name}(\[[\d, ]*\])? = "):
                case.call(*given.values())


OUTSIDE = dict.fromkeys(("gain", "entropy_weight", "oracle_weight", "balance_weight", "width"), -0.5) | dict.fromkeys(
    ("decay", "inverse_temperature", "feedback", "sigma", "temperature", "rate", "step", "batch_size"), 0.0
)


class TestWithoutGradient:
    @pytest.mark.parametrize("function", [mc.balanced_critical_gain, mc.expert_fold_gain, mc.equal_depth_gain])
    def test_integers(self, function: Any) -> None:
        k = [2, 3, 8, 64, 10**6]
        found = function(torch.tensor(k))
        assert found.dtype == torch.float64
        same(found.numpy(), function(np.array(k)), 1)
        for bad in (torch.tensor([1]), torch.tensor([3.0]), torch.tensor([True]), torch.tensor([], dtype=torch.int64)):
            with pytest.raises(ParameterError, match=r"^experts = "):
                function(bad)

    def test_counts_of_experts_in_the_fold_curve(self) -> None:
        x, k = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True), torch.tensor([[3], [8]])
        found = mc.expert_fold_curve(x, k)
        for ours, theirs in zip(found, mc.expert_fold_curve(x.detach().numpy(), k.numpy()), strict=True):
            same(ours.detach().numpy(), theirs, 1)
        assert torch.autograd.gradcheck(lambda x: mc.expert_fold_curve(x, k), [x])
        with pytest.raises(ParameterError, match=r"^experts = "):
            mc.expert_fold_curve(x, torch.tensor([1]))

    def test_ties(self) -> None:
        logits = torch.tensor(LOGITS, requires_grad=True)
        found, expected = mc.hard_susceptibility(logits, 0.5), mc.hard_susceptibility(np.array(LOGITS, np.float32), 0.5)
        assert found.susceptibility.dtype == torch.float32
        assert found.susceptibility.grad_fn is None  # type: ignore[attr-defined]
        np.testing.assert_array_equal(found.susceptibility, expected.susceptibility)
        np.testing.assert_array_equal(found.standard_error, expected.standard_error)

    def test_parameters_of_a_response_are_constants(self) -> None:
        """A gradient in them would be lost, so it is refused."""
        loose, leaf = torch.tensor(0.7), torch.tensor(0.7, requires_grad=True)
        assert mc.SoftmaxResponse(loose).inverse_temperature == loose.item()
        assert mc.EmpiricalResponse(torch.tensor([[0.5, -0.5]])).value(0.1) == 0.0
        for call, name in (
            (mc.SoftmaxResponse, "inverse_temperature"),
            (mc.HardGaussianResponse, "sigma"),
            (mc.LogisticNormalResponse, "sigma"),
            (mc.EmpiricalResponse, "margins"),
            (lambda x: mc.hard_susceptibility(LOGITS, x), "width"),
        ):
            with pytest.raises(ParameterError, match=rf"^{name} = .*pass {name}.detach\(\)"):
                call(leaf)

    def test_a_router(self) -> None:
        router = mc.RouterParameters(torch.tensor([3.0, 4.0], requires_grad=True), asymmetry=0.1)
        assert router.regime().tolist() == [mc.Regime.BISTABLE] * 2
        assert router.gain.requires_grad
        assert router == mc.RouterParameters([3.0, 4.0], asymmetry=0.1)
        assert hash(router) == hash(mc.RouterParameters([3.0, 4.0], asymmetry=0.1))
        with pytest.raises(ParameterError, match=r"^feedback\[1\] = -1.0"):
            mc.RouterParameters(torch.tensor([3.0, -1.0]))


def test_shapes_that_do_not_broadcast() -> None:
    for call in (mc.regime, mc.escape_barrier, lambda g, e: mc.stationary_variance(g, e, 0.1)):
        with pytest.raises(ParameterError, match="gain and asymmetry"):
            call(torch.ones(2), torch.ones(3))


@pytest.mark.parametrize(
    ("experts", "message"),
    [
        ([2.0, 3.0], "experts = tensor([2., 3.]): experts must be an integer >= 2"),
        ([True, True], "experts = tensor([True, True]): experts must be an integer >= 2"),
        ([2, 1], "experts = tensor([2, 1]): experts must be an integer >= 2, and not empty"),
    ],
)
def test_numbers_of_experts_are_checked(experts, message):
    with pytest.raises(mc.ParameterError) as caught:
        mc.expert_fold_gain(torch.tensor(experts))
    assert str(caught.value) == message


def test_no_number_of_experts_is_an_error():
    with pytest.raises(mc.ParameterError, match=r"^experts = .*: experts must be an integer >= 2, and not empty$"):
        mc.expert_fold_gain(torch.zeros(0, dtype=torch.int64))
