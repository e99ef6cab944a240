"""The reinforced router: the discrete rule of docs/theory.md, section 1, as a torch module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from moecusp._arguments import POSITIVE, ParameterError, dense, integer, number
from moecusp._logits import EXTENDED, examine, tokens_kept
from moecusp.parameters import RouterParameters
from moecusp.routing.state import exact, fitted, on_device, wide

Selection = Literal["soft", "hard"]
_SLOWEST = 2.0**-15  # increment times decay below which float32 loses a thousandth of the mean


class ReinforcedRouter(nn.Module):
    """Routes tokens to experts, and in training mode reinforces the chosen ones after every batch.

    Each call selects an expert per token from logits + scores, and then, while `training` is set,
    s_i <- s_i + eps (kappa f_i - mu s_i + h_i) with f_i the share of the batch's tokens that selected expert i.

    Parameters
    ----------
    parameters : RouterParameters
        Of one router, or of many at once: its shape is the leading shape of scores and logits. The asymmetry drives
        expert 1.
    increment : float
        eps > 0 (time); eps mu must stay below 2, else the decay itself overshoots without bound.
    selection : {"soft", "hard"}
        Sampling from softmax(beta (logits + scores)), or the largest logit + score with ties broken at random.
    device : torch.device or str, optional
        Of the state. `to` moves and casts as for any module.
    dtype : torch.dtype, optional
        Of the state and of sampling: float32 by default, or float64. Narrower types, here or in `to`, are widened to
        float32, whatever the type of the logits.

    Raises
    ------
    ParameterError
        If an argument is out of range, not of its type or too large or small for dtype, or the logits do not fit the
        router.

    Warns
    -----
    UserWarning
        If the logits of the first call look like probabilities.

    Notes
    -----
    All state is in buffers (``scores`` of shape (..., experts) and the parameters), so `state_dict` restores a run;
    random numbers come from the generator handed to the call. ``drive`` holds h and may be written to ramp it.

    -inf in the logits marks an expert that cannot be chosen, +inf one that wins, shared among several. NaN, and a token
    that no expert can take, raise before anything is reinforced. Logits and scores are added at half their size and
    multiplied by beta after their maximum is subtracted, so that nothing overflows. Soft selection resolves
    probabilities down to 2^-24 in float32 and 2^-53 in float64. A step changes a score by 2^-24 of itself at least in
    float32, which stops the rule short of its mean by up to 2^-25/(eps mu), relatively: eps mu < 2^-15 takes float64.

    References
    ----------
    docs/theory.md, section 1; statement ``discrete.mean_drift``.

    Examples
    --------
    >>> import torch
    >>> from moecusp import RouterParameters
    >>> from moecusp.routing import ReinforcedRouter
    >>> router = ReinforcedRouter(RouterParameters(feedback=3.0), increment=0.1, selection="hard")
    >>> chosen = router(torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]))
    >>> chosen.tolist(), [round(s, 6) for s in router.scores.tolist()]
    ([0, 0, 1, 0], [0.225, 0.075])
    """

    scores: Tensor
    feedback: Tensor
    decay: Tensor
    inverse_temperature: Tensor
    drive: Tensor

    def __init__(
        self,
        parameters: RouterParameters,
        *,
        increment: float,
        selection: Selection = "soft",
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not isinstance(parameters, RouterParameters):
            raise ParameterError("parameters", parameters, "a moecusp.RouterParameters")
        if selection not in ("soft", "hard"):
            raise ParameterError("selection", selection, "'soft' or 'hard'")
        if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
            raise ParameterError("dtype", dtype, "a floating-point type of torch, such as torch.float32")
        dtype = wide(dtype)
        on_device(device)
        step = number("increment", increment, POSITIVE)
        decay = exact(parameters, "decay")
        if bool((step * decay >= 2.0).any()):
            raise ParameterError("increment", increment, "below 2/decay, where the decay overshoots without bound")
        if dtype == torch.float32 and bool((step * decay < _SLOWEST).any()):
            raise ParameterError(
                "increment",
                increment,
                f"at least {_SLOWEST:g}/decay in float32, which rounds smaller steps away: pass dtype=torch.float64",
            )
        self.increment = step
        self.selection = selection
        self.experts = parameters.experts
        self._looked = False  # whether logits were looked at for probabilities
        for name in ("feedback", "decay", "inverse_temperature"):
            self.register_buffer(name, fitted(name, exact(parameters, name), dtype, device))
        drive = torch.zeros(*parameters.shape, self.experts, device=device, dtype=dtype)
        drive[..., 0] = fitted("asymmetry", exact(parameters, "asymmetry"), dtype, device)
        self.register_buffer("drive", drive)
        self.register_buffer("scores", torch.zeros_like(drive))

    def forward(
        self, logits: Tensor, generator: torch.Generator | None = None, *, mask: Tensor | None = None
    ) -> Tensor:
        """Select an expert for every token, and reinforce the scores while training.

        Parameters
        ----------
        logits : Tensor, shape (..., tokens, experts)
            Logits (score) of any real type; the leading shape broadcasts against that of the router.
        generator : torch.Generator, optional
            Source of the random numbers of soft selection and of tie-breaking, on the logits' device.
        mask : Tensor of bool, shape (..., tokens), optional
            True for the tokens that count. The others are padding: their logits are not looked at, they choose no
            expert and reinforce none.

        Returns
        -------
        Tensor of int64, shape (..., tokens)
            The chosen expert, counted from 0; -1 for padding. It carries no gradient.
        """
        with torch.no_grad():
            if generator is not None and not isinstance(generator, torch.Generator):
                raise ParameterError("generator", generator, "a torch.Generator on the logits' device, or None")
            total, kept = self._total(logits, mask)
            best = _largest(total)
            if not bool((best > -torch.inf).all()):
                raise self._unusable(logits)
            chosen = (
                self._sample(total, best, generator) if self.selection == "soft" else _first(total, best, generator)
            )
            if kept is not None:
                chosen = torch.where(kept, chosen, -1)
            if self.training:
                self.reinforce(load(chosen, self.experts).to(self.scores.dtype))
        return chosen

    def reinforce(self, share: Tensor) -> None:
        """Apply one step of the rule for the share of tokens (..., experts) that selected each expert."""
        push = self.feedback.unsqueeze(-1) * share - self.decay.unsqueeze(-1) * self.scores + self.drive
        self.scores.add_(push, alpha=self.increment)

    def extra_repr(self) -> str:
        """Describe the router in `print(module)`."""
        shape = tuple(self.feedback.shape)
        return f"experts={self.experts}, selection={self.selection!r}, increment={self.increment:g}, shape={shape}"

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move and cast as `to`, `half` and `bfloat16` ask, but keep the state in float32 or wider."""

        def move(state: Tensor) -> Tensor:
            moved = fn(state)
            return moved if moved.dtype == wide(moved.dtype) else state.to(moved.device, torch.float32)

        super()._apply(move, recurse)  # type: ignore[no-untyped-call]
        return self

    def _total(self, logits: Any, mask: Any) -> tuple[Tensor, Tensor | None]:
        """Return half of logits + scores, which cannot overflow, and which tokens count; padding has logits 0."""
        where = self.scores.device
        if not isinstance(logits, Tensor):
            raise ParameterError("logits", logits, f"{EXTENDED}, in a torch tensor: torch.as_tensor(logits)")
        dense("logits", logits, EXTENDED)
        if logits.is_complex() or logits.dtype == torch.bool:
            raise ParameterError("logits", logits, str(EXTENDED))
        if logits.device != where:
            raise ParameterError("logits", logits.device, f"on the router's device, {where}")
        if logits.ndim < 2 or logits.shape[-1] != self.experts or not logits.shape[-2]:
            raise ParameterError("logits", tuple(logits.shape), f"of shape (..., tokens >= 1, {self.experts} experts)")
        shape = tuple(self.feedback.shape)
        leading = logits.shape[:-2][::-1]
        if len(leading) > len(shape) or any(a not in (1, b) for a, b in zip(leading, shape[::-1], strict=False)):
            raise ParameterError("logits", tuple(logits.shape), f"of a leading shape that broadcasts to {shape}")
        digits = wide(logits.dtype) if logits.is_floating_point() else torch.float64
        logits = logits.to(torch.promote_types(digits, self.scores.dtype))
        kept = None
        if mask is not None:
            kept = tokens_kept(mask, logits)
            logits = torch.where(kept.unsqueeze(-1), logits, 0.0)
        total = 0.5 * logits + 0.5 * self.scores.unsqueeze(-2)
        if not self._looked:
            examine(logits)
            self._looked = True
        return total, kept

    def _sample(self, total: Tensor, best: Tensor, generator: torch.Generator | None) -> Tensor:
        best = best.unsqueeze(-1)
        fall = torch.where(total == best, 0.0, total - best)  # 0 also from +inf to +inf
        weights = torch.softmax(2.0 * (self.inverse_temperature[..., None, None] * fall), dim=-1)
        edges = torch.where(weights > 0.0, weights.cumsum(dim=-1), 0.0)  # who cannot be chosen is never reached
        uniform = torch.rand(best.shape, generator=generator, device=best.device, dtype=best.dtype)
        return (edges > uniform * edges.amax(dim=-1, keepdim=True)).to(torch.uint8).argmax(dim=-1)

    def _unusable(self, logits: Tensor) -> ParameterError:
        """Return the complaint about logits of which a token has no largest one."""
        if not bool(self.scores.isfinite().all()):
            return ParameterError("scores", self.scores, "finite: they were written to from outside")
        nan = logits.isnan()
        lost = nan if bool(nan.any()) else (logits == -torch.inf).all(dim=-1)
        place = tuple(lost.nonzero()[0].tolist())
        label = f"logits[{', '.join(map(str, place))}]"
        if lost is nan:
            return ParameterError(label, float("nan"), str(EXTENDED))
        return ParameterError(label, "-inf for every expert", "above -inf for one expert at least")


def load(chosen: Tensor, experts: int) -> Tensor:
    """Return the share of tokens that each expert received, of those that chose one.

    (..., tokens) of int64, -1 for padding -> (..., experts) of float64; NaN where all is padding.
    """
    if not isinstance(chosen, Tensor) or chosen.is_floating_point() or chosen.is_complex():
        raise ParameterError("chosen", chosen, "a tensor of integers")
    counts = [(chosen == expert).sum(dim=-1) for expert in range(integer("experts", experts, 2))]
    return torch.stack(counts, dim=-1).to(torch.float64) / (chosen >= 0).sum(dim=-1, keepdim=True)


def _largest(total: Tensor) -> Tensor:
    """Return the largest of the last axis, or NaN; a loop is faster than `amax` where experts are few."""
    best = total[..., 0]
    for expert in range(1, total.shape[-1]):
        best = torch.maximum(best, total[..., expert])
    return best


def _first(total: Tensor, best: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return where the largest stands, one of them by lot if there are several."""
    chosen, hits = torch.zeros_like(best, dtype=torch.int64), torch.zeros((), dtype=torch.int64, device=best.device)
    for expert in range(total.shape[-1]):
        here = total[..., expert] == best
        chosen = torch.where(here, expert, chosen)
        hits = hits + here.sum()
    if int(hits) == best.numel():
        return chosen
    lots = torch.rand(total.shape, generator=generator, device=total.device)
    return torch.where(total == best.unsqueeze(-1), lots, -1.0).argmax(dim=-1)
