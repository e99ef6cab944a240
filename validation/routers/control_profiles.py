"""Fixed numbers and bands of the subjects on trained routers: their onset, bias rules and balance losses."""

from __future__ import annotations

from dataclasses import dataclass

Band = tuple[float, float]


@dataclass(frozen=True)
class Trained:
    """Routers trained on tokens, many side by side, and how they are recorded; the width in spreads of the logits.

    Each half holds `text_tokens` characters, or half of the digits, in so many jittered copies, of digits and of text:
    many where a tie graph is counted, of which only tokens near a tie tell; fewer where tokens are routed. The other
    subjects take the first of these routers.
    """

    routers: int = 240
    steps: int = 100
    batch_size: int = 64
    learning_rate: float = 0.015
    balance_weight: float = 0.1
    jitter: float = 0.2
    copies: tuple[int, int] = (16, 6)
    routed: tuple[int, int] = (6, 2)
    soft_copies: int = 2
    text_tokens: int = 4096
    inverse_temperature: float = 1.5
    width: float = 0.1
    near: float = 0.1
    parted: int = 20


@dataclass(frozen=True)
class Prediction:
    """Feedback raised on tokens that did not predict, in units of the predicted critical one.

    Cases are tokens-routers-experts-selection, and a type if it is not float32.

    The accepted band of a mean logarithm: `floor` and `errors` standard errors of one router's prediction.
    """

    cases: tuple[str, ...] = (
        "digits-linear-2-soft", "digits-linear-2-top1", "digits-mlp-8-soft", "digits-mlp-8-top1",
        "text-linear-16-soft", "text-linear-16-top1", "text-linear-16-top4", "text-mlp-8-top2",
        "text-mlp-8-top2-bfloat16", "text-mlp-8-soft-float64",
    )  # fmt: skip
    routers: int = 96
    decay: float = 0.8
    increment: float = 0.05
    steps: int = 51
    batch_size: int = 768
    feedbacks: tuple[float, ...] = (0.7, 0.9, 1.1, 1.3)
    apart: float = 4.0
    floor: float = 0.04
    errors: float = 0.5


@dataclass(frozen=True)
class UpdateRate:
    """The proportional bias rule, its rate raised, in units of the predicted largest stable one.

    The largest eigenvalue of a counted tie graph errs upwards, by some 3 % with the digits of one half, and one router
    by 14 %: with fewer than 200 the mean of the digits hangs on the seed.
    """

    cases: tuple[str, ...] = ("text-mlp-8-soft", "digits-mlp-8-top1", "text-mlp-8-top2", "text-mlp-8-top2-bfloat16")
    routers: int = 240
    rates: tuple[float, ...] = (0.9, 1.0, 1.1, 1.2, 1.3)
    steps: int = 3
    batch_size: int = 8192
    bisected: tuple[float, float] = (0.5, 2.0)
    bisections: int = 6
    turns: int = 40
    tokens: int = 8192
    floor: float = 0.03
    errors: float = 0.5


@dataclass(frozen=True)
class SignRule:
    """Fluctuations under bias rules; shares are rates over 1/lambda_max, effective ones for the sign rule.

    The anchors have (experts, chosen, batch): independent Gaussian logits of deviation sigma. Without noise an expert
    with exactly its share would rest: the experts do not divide the tokens.
    """

    gaussian_sign: tuple[int, int, int] = (16, 2, 1024)
    gaussian_proportional: tuple[int, int, int] = (8, 1, 512)
    sigma: float = 1.4142135623730951
    bias_step: float = 0.1
    rate_share: float = 0.4
    chains: int = 48
    case: str = "text-mlp-8-top2"
    routers: int = 40
    batch_size: int = 256
    shares: tuple[float, ...] = (0.5, 1.0, 3.0, 10.0)
    checked: float = 1.1
    proportional: tuple[float, ...] = (0.4, 1.5, 1.9, 2.5)
    burn: int = 80
    steps: int = 800
    ringing: tuple[float, ...] = (0.005, 0.02, 0.08)
    turns: int = 60
    tokens: int = 8190
    floor: float = 0.04
    errors: float = 0.5
    proportional_band: Band = (0.96, 1.04)
    closure_band: Band = (0.94, 1.06)
    growth_band: Band = (-0.05, 0.05)
    ringing_band: Band = (0.95, 1.05)


@dataclass(frozen=True)
class BalanceLoss:
    """Reinforced routers with a balance loss, its weight raised in units of the critical one, and of the largest."""

    cases: tuple[str, ...] = (
        "text-mlp-8-soft", "digits-mlp-8-top1", "text-mlp-8-top1", "text-mlp-8-top1-bfloat16",
        "text-mlp-8-top1-float64",
    )  # fmt: skip
    alternating: tuple[str, ...] = ("text-mlp-8-soft", "text-mlp-8-top1")
    routers: int = 96
    excess: float = 2.5
    decay: float = 0.8
    loss_rate: float = 0.7
    increment: float = 0.05
    steps: int = 25
    batch_size: int = 512
    weights: tuple[float, ...] = (0.5, 0.8, 1.0, 1.2, 1.6)
    unsafe: tuple[float, ...] = (0.9, 1.0, 1.1, 1.2, 1.3)
    unsafe_steps: int = 3
    tokens: int = 8192
    floor: float = 0.04
    errors: float = 0.75
