"""Every fixed number of the routers study, the accepted bands among them, subject by subject."""

from __future__ import annotations

from dataclasses import dataclass, field

Band = tuple[float, float]


@dataclass(frozen=True)
class Onset:
    """The pitchfork of two experts in the expected rule on a fixed set of tokens that holds each image's negative too.

    Feedbacks are in units of the predicted critical one. Fixed points and the zero of a growth rate do not depend on
    the increment. The imbalance beyond the onset is A d^(1/2) (1 + c d + ...) in the distance d; extrapolated from
    d, 2d, 4d, its exponent is off by a multiple of d^2, some 1e-4, and by e/(d log 4) where the onset is off by e.
    Narrow types round logits by up to 2^-9 of themselves, at random: some 1e-4 of their mean square.
    """

    kinds: tuple[str, ...] = ("linear", "mlp")
    types: tuple[str, ...] = ("float32", "bfloat16", "float64")
    routers: int = 12
    tokens: int = 256
    hidden: int = 24
    spread: float = 0.8
    decay: float = 0.7
    inverse_temperature: float = 1.6
    increment: float = 1.0
    growth_feedbacks: tuple[float, ...] = (0.8, 0.9, 1.1, 1.2)
    kick: float = 0.001
    growth_steps: int = 16
    distances: tuple[float, ...] = (0.008, 0.016, 0.032)
    below: float = 0.97
    time: float = 1400.0
    onset_band: Band = (0.995, 1.005)
    exponent_band: Band = (0.48, 0.52)
    branch_band: Band = (0.98, 1.02)
    below_band: Band = (-0.001, 0.001)


@dataclass(frozen=True)
class Profile:
    """Size of the study."""

    name: str
    confidence: float = 0.99
    onset: Onset = field(default=Onset())


PROFILES = {
    "smoke": Profile("smoke", onset=Onset(routers=4, types=("float32", "bfloat16"))),
    "quick": Profile("quick"),
    "full": Profile("full", onset=Onset(routers=32, tokens=1024)),
}
