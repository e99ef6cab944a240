"""The metrics of one router: each a function of sums over tokens, so that it can be taken of a batch or of many.

With c_e the slots of expert e of E, f_e = c_e / sum c its share, T tokens with k slots, p_te the probability of expert
e for token t, P_e its mean over the sampled tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from moecusp.metrics.sums import Floats, Sums

DEAD = 0.1  # of a fair share: an expert with less is dead by the relative definitions
DEAD_SLOTS = 0.001  # of all slots: an expert with less is dead by the absolute definition


@dataclass(frozen=True)
class Metric:
    """A number that describes a router.

    Attributes
    ----------
    name : str
        Its name here.
    formula : str
        Its definition.
    of : callable
        From `Sums` with leading axes (...) to an array of shape (...); NaN where there is nothing to divide by.
    needs : tuple of str
        Which of the sums it is made from, besides counts and tokens.
    balanced : float or None
        Its value for a perfectly balanced router; None if that depends on the router.
    aliases : tuple of str
        What frameworks call it, with the factor where theirs differs.
    least : float
        It is never less.
    """

    name: str
    formula: str
    of: Callable[[Sums], Floats]
    needs: tuple[str, ...] = ()
    balanced: float | None = None
    aliases: tuple[str, ...] = ()
    least: float = 0.0


def share(amounts: Floats) -> Floats:
    """Return amounts (..., experts) as shares of their sum; NaN where the sum is 0."""
    return per(amounts, amounts.sum(axis=-1, keepdims=True))


def relative(amounts: Floats) -> Floats:
    """Return amounts (..., experts) in units of their mean, the fair share: 1 (exactly) is balanced, 0 is unused."""
    return per(amounts * amounts.shape[-1], amounts.sum(axis=-1, keepdims=True))


def entropy(amounts: Floats) -> Floats:
    """Return the entropy (nats) of the shares of amounts (..., experts): ln E (exactly) if they are even."""
    r = relative(amounts)
    logarithm = np.log(r, out=np.zeros_like(r), where=r > 0)
    return np.asarray(np.maximum(np.log(amounts.shape[-1]) - (r * logarithm).mean(axis=-1), 0.0))


def per(amounts: Floats, number: Floats) -> Floats:
    """Return amounts for each of a number, NaN where it is 0."""
    shape = np.broadcast_shapes(np.shape(amounts), np.shape(number))
    return np.asarray(np.divide(amounts, number, out=np.full(shape, np.nan), where=np.asarray(number) > 0))


def cv_squared(amounts: Floats) -> Floats:
    """Return the squared coefficient of variation over the last axis, with the population's variance."""
    return np.asarray(((relative(amounts) - 1.0) ** 2).mean(axis=-1))


def part(condition: NDArray[np.bool_], amounts: Floats) -> Floats:
    """Return the share of experts for which a condition holds, NaN where no slot was given."""
    return np.asarray(np.where(amounts.sum(axis=-1) > 0, condition.mean(axis=-1), np.nan))


def _known(array: Floats | None) -> Floats:
    assert array is not None
    return array


def balance_loss(sums: Sums) -> Floats:
    """Return E sum_e f_e P_e over the sample, f_e slots for each of T k."""
    sampled, chosen, mass = _known(sums.sampled), _known(sums.chosen), _known(sums.probabilities)
    return per(sums.experts * (chosen * mass).sum(axis=-1), sampled * sampled * sums.k)


_LOSS_FREE = "arXiv:2408.15664, eq. 4"
_DEFINITIONS = (
    Metric(
        "max_vio",
        "max_e E f_e − 1",
        lambda s: relative(s.counts).max(axis=-1) - 1.0,
        balanced=0.0,
        aliases=(
            f"MaxVio ({_LOSS_FREE})",
            "prime-rl max_vio",
            "OLMo-core 'load imbalance' = max_vio + 1",
        ),
    ),
    Metric("min_vio", "min_e E f_e − 1", lambda s: relative(s.counts).min(axis=-1) - 1.0, balanced=0.0, least=-1.0),
    Metric(
        "cv_squared",
        "E Σ f_e² − 1",
        lambda s: cv_squared(s.counts),
        balanced=0.0,
        aliases=(
            "CV(Load)² (arXiv:1701.06538, eq. 11)",
            "NeMo Automodel moe/cv = √(cv_squared · E/(E − 1))",
        ),
    ),
    Metric("load_entropy", "−Σ f_e ln f_e", lambda s: entropy(s.counts)),
    Metric(
        "effective_experts",
        "1 / Σ f_e² = E / (1 + cv_squared)",
        lambda s: s.experts / (1.0 + cv_squared(s.counts)),
    ),
    Metric("dead_unused", "share of experts with c_e = 0", lambda s: part(s.counts == 0, s.counts), balanced=0.0),
    Metric(
        "dead_relative",
        f"share of experts with E f_e < {DEAD}",
        lambda s: part(relative(s.counts) < DEAD, s.counts),
        balanced=0.0,
    ),
    Metric(
        "dead_slots",
        f"share of experts with f_e < {DEAD_SLOTS}",
        lambda s: part(share(s.counts) < DEAD_SLOTS, s.counts),
    ),
    Metric(
        "dead_first",
        f"share of experts that are the first choice of fewer than {DEAD} T/E tokens",
        lambda s: part(relative(_known(s.first)) < DEAD, _known(s.first)),
        ("first",),
        balanced=0.0,
    ),
    Metric(
        "dead_probability",
        f"share of experts with E P_e < {DEAD}",
        lambda s: part(relative(_known(s.probabilities)) < DEAD, _known(s.probabilities)),
        ("probabilities",),
        balanced=0.0,
    ),
    Metric(
        "importance_cv_squared",
        "E Σ I_e² / (Σ I_e)² − 1, I_e the sum of the weights of expert e",
        lambda s: cv_squared(_known(s.weights)),
        ("weights",),
        balanced=0.0,
        aliases=("CV(Importance)² (arXiv:1701.06538, eq. 7)",),
    ),
    Metric(
        "router_entropy",
        "mean over tokens of −Σ p_te ln p_te",
        lambda s: per(_known(s.entropy), _known(s.sampled)),
        ("entropy",),
    ),
    Metric(
        "probability_entropy",
        "−Σ P_e ln P_e",
        lambda s: entropy(_known(s.probabilities)),
        ("probabilities",),
    ),
    Metric("drop_rate", "slots over capacity / (T k)", lambda s: per(s.dropped, s.tokens * s.k), balanced=0.0),
    Metric(
        "z_loss",
        "mean over tokens of (ln Σ exp logit)²",
        lambda s: per(_known(s.squares), _known(s.sampled)),
        ("squares",),
        aliases=(
            "ST-MoE z-loss (arXiv:2202.08906, eq. 5)",
            "Megatron-LM z_loss / moe_z_loss_coeff",
            "OLMo-core 'router Z loss unscaled'",
        ),
    ),
    Metric(
        "balance_loss",
        "E Σ f_e P_e, f_e = c_e / (T k), over the sample",
        balance_loss,
        ("probabilities",),
        balanced=1.0,
        aliases=(
            "Switch loss (arXiv:2101.03961, eq. 4, for k = 1)",
            "Megatron-LM load_balancing_loss / moe_aux_loss_coeff",
            "OLMo-core 'load balancing loss unscaled'",
            "DeepSpeed l_aux, for k = 1 (for k = 2 theirs has first choices alone in f)",
        ),
    ),
    Metric(
        "balance_loss_hf",
        "k E Σ f_e P_e: k when balanced, not 1",
        lambda s: s.k * balance_loss(s),
        ("probabilities",),
        aliases=(
            "transformers load_balancing_loss_func of one layer; theirs pools all layers, with the top k "
            "of the logits for f",
        ),
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _DEFINITIONS})
