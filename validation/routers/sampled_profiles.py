"""Fixed numbers and bands of the subjects that sample their batches: hard selection, and the empirical load."""

from __future__ import annotations

from dataclasses import dataclass

from validation.routers.control_profiles import Band


@dataclass(frozen=True)
class Hard:
    """Hard selection in sampled batches; feedbacks in units of the predicted critical one, or of the predicted fold.

    The onset is where the distance of pairs that see the same tokens neither grows nor shrinks, whatever the increment;
    a kick of a tenth of the margins' spread lowers the response by up to (1/10)^2/6 of itself. The grid of releases is
    .02 apart, and a state just below its fold may linger: a release is known to .02 either way.
    """

    types: tuple[str, ...] = ("float32", "bfloat16")
    gates: int = 48
    inputs: int = 16
    hidden: int = 24
    spread: float = 1.3
    noise: float = 0.4
    chosen: tuple[tuple[int, int], ...] = ((8, 1), (8, 2), (8, 4), (16, 4))
    decay: float = 0.7
    increment: float = 0.15
    growth_feedbacks: tuple[float, ...] = (0.7, 0.85, 1.0, 1.15, 1.3)
    growth_steps: int = 16
    batch_size: int = 4096
    kick: float = 0.1
    experts: tuple[int, ...] = (3, 8)
    release_feedbacks: tuple[float, ...] = tuple(round(0.9 + 0.02 * k, 2) for k in range(11))
    release_time: float = 50.0
    release_batch_size: int = 512
    midway_batch_size: int = 4096
    release_seeds: int = 12
    long_run: float = 0.3
    onset_band: Band = (0.97, 1.03)
    release_band: Band = (0.96, 1.04)
    gap_band: Band = (0.95, 1.05)


@dataclass(frozen=True)
class Load:
    """The empirical load of two experts, sampled token by token, as moving average over batches.

    Cases are gates.gating, and a type if it is not float32: "soft" samples the softmax, "noisy" that of logits with
    Gaussian noise, "top1" takes the largest of these. Feedbacks are in units of the predicted critical one, below it
    and `distances` beyond it. The feedback is smooth in the square of the score difference that holds the imbalance,
    and the parabola through three such states ends within .5 % of the onset. Scores fluctuate by sqrt(kappa^2
    increment/(2 batch_size rate)), some .03 at the smallest rate, which bends the mean load by 1 % at most. Half the
    distance of the loads that start on either side is some .01 uncertain for one gate below the onset; beyond it, the
    imbalance is by 2 %, and where it vanishes by 2 % of the feedback.
    """

    cases: tuple[str, ...] = (
        "linear.soft", "mlp.soft", "mlp.noisy", "mlp.top1", "mlp.soft.bfloat16", "mlp.top1.float64",
    )  # fmt: skip
    gates: int = 16
    tokens: int = 256
    hidden: int = 24
    spread: float = 0.8
    noise: float = 0.6
    decay: float = 0.7
    inverse_temperature: float = 1.6
    increment: float = 0.25
    below: tuple[float, ...] = (0.6, 0.75)
    distances: tuple[float, ...] = (0.1, 0.2, 0.4)
    batch_size: int = 512
    time: float = 80.0
    window: int = 200
    balanced_band: Band = (-0.02, 0.02)
    branch_band: Band = (0.97, 1.03)
    onset_band: Band = (0.95, 1.05)
