"""The reinforced router: the discrete rule of docs/theory.md, section 1, as a torch module."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from moecusp._arguments import POSITIVE, ParameterError, number
from moecusp.parameters import RouterParameters

Selection = Literal["soft", "hard"]


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
    device, dtype : optional
        Of the state; float32 by default. `to` moves and casts as for any module.

    Raises
    ------
    ParameterError
        If increment or selection is out of range, or the logits do not fit the router.

    Notes
    -----
    All state is in buffers (``scores`` of shape (..., experts) and the parameters), so `state_dict` restores a run;
    random numbers come from the generator handed to the call. ``drive`` holds h and may be written to ramp it.

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
        if selection not in ("soft", "hard"):
            raise ParameterError("selection", selection, "'soft' or 'hard'")
        if not dtype.is_floating_point:
            raise ParameterError("dtype", dtype, "a floating-point type")
        step = number("increment", increment, POSITIVE)
        if np.any(step * parameters.decay >= 2.0):
            raise ParameterError("increment", increment, "below 2/decay, where the decay overshoots without bound")
        self.increment = step
        self.selection = selection
        self.experts = parameters.experts

        def buffer(value: object) -> Tensor:
            wide = np.array(np.broadcast_to(value, parameters.shape), dtype=np.float64)  # type: ignore[call-overload]
            return torch.as_tensor(wide).to(device=device, dtype=dtype)

        self.register_buffer("feedback", buffer(parameters.feedback))
        self.register_buffer("decay", buffer(parameters.decay))
        self.register_buffer("inverse_temperature", buffer(parameters.inverse_temperature))
        drive = torch.zeros(*parameters.shape, self.experts, device=device, dtype=dtype)
        drive[..., 0] = buffer(parameters.asymmetry)
        self.register_buffer("drive", drive)
        self.register_buffer("scores", torch.zeros_like(drive))

    def forward(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Select an expert for every token, and reinforce the scores while training.

        Parameters
        ----------
        logits : Tensor, shape (..., tokens, experts)
            Logits (score); the leading shape broadcasts against that of the router.
        generator : torch.Generator, optional
            Source of the random numbers of soft selection and of tie-breaking, on the logits' device.

        Returns
        -------
        Tensor of int64, shape (..., tokens)
            The chosen expert, counted from 0. It carries no gradient.
        """
        with torch.no_grad():
            total = self._total(logits)
            chosen = self._sample(total, generator) if self.selection == "soft" else _largest(total, generator)
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

    def _total(self, logits: Tensor) -> Tensor:
        if logits.ndim < 2 or logits.shape[-1] != self.experts or not logits.shape[-2]:
            raise ParameterError("logits", tuple(logits.shape), f"of shape (..., tokens >= 1, {self.experts} experts)")
        shape = tuple(self.feedback.shape)
        leading = logits.shape[:-2][::-1]
        if len(leading) > len(shape) or any(a not in (1, b) for a, b in zip(leading, shape[::-1], strict=False)):
            raise ParameterError("logits", tuple(logits.shape), f"of a leading shape that broadcasts to {shape}")
        return logits + self.scores.unsqueeze(-2)

    def _sample(self, total: Tensor, generator: torch.Generator | None) -> Tensor:
        weights = torch.softmax(self.inverse_temperature[..., None, None] * total, dim=-1)
        uniform = torch.rand(weights.shape[:-1], generator=generator, device=weights.device, dtype=weights.dtype)
        edges = weights.cumsum(dim=-1)[..., :-1]
        return (uniform.unsqueeze(-1) >= edges).sum(dim=-1)


def load(chosen: Tensor, experts: int) -> Tensor:
    """Return the share of tokens that each expert received: (..., tokens) of int64 -> (..., experts) of float64."""
    counts = torch.stack([(chosen == expert).sum(dim=-1) for expert in range(experts)], dim=-1)
    return counts.to(torch.float64) / chosen.shape[-1]


def _largest(total: Tensor, generator: torch.Generator | None) -> Tensor:
    best, chosen, ties = total[..., 0], torch.zeros_like(total[..., 0], dtype=torch.int64), False
    for expert in range(1, total.shape[-1]):
        rival = total[..., expert]
        wins, loses = rival > best, rival < best
        ties = ties or int(wins.sum()) + int(loses.sum()) < wins.numel()  # or a NaN
        chosen = torch.where(wins, expert, chosen)
        best = torch.where(wins, rival, best)
    if not ties:
        return chosen
    if bool(torch.isnan(total).any()):
        raise ParameterError("logits", "NaN", "numbers")
    lots = torch.rand(total.shape, generator=generator, device=total.device)
    return torch.where(total == best.unsqueeze(-1), lots, -1.0).argmax(dim=-1)
