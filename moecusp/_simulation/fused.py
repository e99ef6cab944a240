"""The soft rule with one token a step as one Triton kernel: the state stays in registers over all steps of a call.

Runs on CUDA devices, and on a CPU through Triton's interpreter (TRITON_INTERPRET=1), which is how it is tested where
there is no device. What it does not cover (batches, margin noise, passages, moments) the torch backend does.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from moecusp._arguments import Array, ParameterError
from moecusp._simulation.fused_kernel import advance
from moecusp._simulation.plan import Plan
from moecusp._simulation.statistics import Sums

MOST_EXPERTS = 32
"""Experts whose scores fit in the registers of a thread."""
BLOCK = 128


class FusedBackend:
    """Runs a plan; the state is kept times log2(e)."""

    name = "triton"

    def __init__(self, plan: Plan, device: str | None = None, dtype: str = "float64") -> None:
        if plan.hard or plan.tokens > 1 or plan.passage or plan.moments or plan.experts > MOST_EXPERTS:
            allowed = f'"torch" for what the fused kernel lacks: it is soft, one token, at most {MOST_EXPERTS} experts'
            raise ParameterError("backend", "triton", allowed + ", no moments, no passages")
        self.plan = plan
        self._scale = 1.0 / np.log(2.0)
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if torch.device(self._device).type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
            raise ParameterError("device", self._device, "a CUDA device for triton, unless TRITON_INTERPRET=1 is set")
        self._dtype = getattr(torch, dtype)
        self._state = self._tensor(self._scale * plan.start)
        rows = [plan.keep, *(self._scale * row for row in (plan.kick, plan.drive, plan.unit))]
        self._coefficients = self._tensor(np.stack(rows))
        self._hits = torch.zeros(self._state.shape, dtype=torch.int64, device=self._device)
        self._collected = 0

    def state(self) -> Array:
        """Return the state, shape (rows, routers)."""
        return np.asarray(self._state.double().cpu().numpy() / self._scale)

    def passed(self) -> NDArray[np.int64]:
        """Return -1: passages are not recorded."""
        return np.full(self.plan.routers, -1, dtype=np.int64)

    def collect(self) -> Array:
        """Start accumulating from here; return the reference state."""
        return self.state()

    def sums(self) -> Sums:
        """Return what was accumulated: the load."""
        zeros = np.zeros(self._state.shape)
        return Sums(self._collected, self._hits.double().cpu().numpy(), zeros, zeros, zeros, zeros)

    def advance(self, start: int, stop: int, *, collecting: bool) -> None:
        """Take steps start..stop-1."""
        scheduled = not self.plan.schedule.constant
        offsets = self._tensor(self.plan.schedule.offsets(start, stop) if scheduled else np.zeros((2, 1)))
        grid = (-(-self.plan.routers // BLOCK),)
        key = self.plan.seed if self.plan.seed < 2**63 else self.plan.seed - 2**64
        advance[grid](
            self._state, self._hits, self._coefficients, offsets, key, self.plan.routers, start, stop,
            EXPERTS=self.plan.experts, SCHEDULED=scheduled, COLLECTING=collecting, BLOCK=BLOCK,
        )  # fmt: skip
        self._collected += (stop - start) if collecting else 0

    def _tensor(self, values: Array) -> Any:
        return torch.tensor(np.ascontiguousarray(values), dtype=self._dtype, device=self._device)
