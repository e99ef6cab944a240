"""Where every run of the study begins: models trained and balanced for a while, and what held-out text says of them."""

from __future__ import annotations

import numpy as np
import torch

from moecusp import susceptibility
from validation.devices import cached
from validation.streams import stream
from validation.trained.loop import HELD, TRAINED, Array, Rule, State, fresh, held_out, run
from validation.trained.profiles import Warm


@cached(4)
def warmed(p: Warm, seed: int) -> State:
    """Return models trained for a while under the proportional bias rule, then with still weights until balanced."""
    torch.set_num_threads(1)
    state = fresh(p.make, [(str(model), seed) for model in range(p.models)])
    chance = stream("trained", "warm", "batches", seed).torch()
    rule = Rule(p.models, rate=np.full(p.models, p.balancing), temperature=p.temperature)
    for steps, rate in ((p.steps, p.learning_rate), (p.settling, p.late_rate)):
        run(state, rule, steps, rate=rate, batch=p.windows, chance=chance, watch=lambda *_: None)
        rule = Rule(p.models, rate=np.full(p.models, 0.25 * p.balancing), temperature=p.temperature)
    return state


def answer(state: State, temperature: float, seed: int) -> tuple[Array, Array, Array]:
    """Return what held-out text says of experts sampled at a temperature.

    Returns
    -------
    chi, covariance : ndarray, shape (layers, models, experts, experts)
        Susceptibility of the loads (1/score); covariance of the loads of a window, of which a batch is a mean.
    error : ndarray, shape (layers, models)
        Half the difference of the logarithms of lambda_max by either half of the text.
    """
    chance = stream("trained", "held", "out", seed).torch()
    chi, shares, error = [], [], []
    for layer in held_out(state, (TRAINED, HELD), temperature, chance):
        experts, context = layer.shape[-1], layer.shape[2]
        noisy = layer - temperature * torch.empty_like(layer).exponential_(generator=chance).log()
        one = torch.zeros_like(layer).scatter(-1, noisy.argmax(dim=-1, keepdim=True), 1.0).mean(dim=2).double()
        centred = one - one.mean(dim=1, keepdim=True)
        shares.append((centred.mT @ centred / (one.shape[1] - 1)).numpy())
        flat = layer.double().numpy().reshape(len(layer), -1, experts)
        chi.append(np.asarray(susceptibility(flat, 1.0 / temperature)))
        half = flat.shape[1] // (2 * context) * context
        tops = [np.linalg.eigvalsh(susceptibility(part, 1.0 / temperature))[..., -1]
                for part in (flat[:, :half], flat[:, half:])]  # fmt: skip
        error.append(0.5 * np.log(tops[0] / tops[1]))
    return np.stack(chi), np.stack(shares), np.stack(error)
