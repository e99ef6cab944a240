"""Every fixed number of the soft-hard study, the accepted bands among them, subject by subject."""

from __future__ import annotations

from dataclasses import dataclass, field

Band = tuple[float, float]


@dataclass(frozen=True)
class Boundary:
    """Tokens counted at interfaces: 1 % of a tie density takes about 4e5 of them at a width of .05."""

    seeds: int = 8
    tokens: int = 1_000_000
    dimensions: int = 16
    mean: float = 0.4
    width: float = 0.05
    radius: float = 1.2
    weights: float = 2.5
    curvature: float = 1.0
    experts: tuple[int, ...] = (3, 8)
    bend_width: float = 0.4
    binary_width: float = 0.3
    saddle_widths: tuple[float, ...] = (0.001, 0.01, 0.1)
    ratio_band: Band = (0.98, 1.02)
    bend_band: Band = (0.9, 1.1)
    bound_band: Band = (0.0, 1.0)
    linear_band: Band = (0.95, 1.05)


@dataclass(frozen=True)
class Risks:
    """Excess risk of a soft router whose margins are U^(1/alpha), and its minimisers."""

    exponents: tuple[float, ...] = (0.5, 1.0, 2.0)
    temperatures: tuple[float, ...] = (0.05, 0.1, 0.2)
    seeds: int = 8
    tokens: int = 1_000_000
    cold: tuple[float, ...] = (0.005, 0.01, 0.02, 0.04)
    threshold: float = 0.7
    exponent_band: Band = (-0.05, 0.05)
    constant_band: Band = (0.95, 1.05)
    cubic_band: Band = (2.98, 3.02)
    first_band: Band = (0.9, 1.1)
    square_band: Band = (1.99, 2.01)
    limit_band: Band = (0.97, 1.03)


@dataclass(frozen=True)
class Landscape:
    """Gates at identical experts, and Hessians along the temperature."""

    temperatures: tuple[float, ...] = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0)
    growth_temperatures: tuple[float, ...] = (0.1, 0.25, 0.6)
    seeds: int = 8
    tokens: int = 100_000
    experts: int = 4
    gate_seeds: int = 16
    zero_band: Band = (0.0, 1e-13)
    growth_band: Band = (0.97, 1.03)
    peak_band: Band = (-1e-4, 1e-4)
    transfer_band: Band = (0.99, 1.01)


@dataclass(frozen=True)
class Detector:
    """Local exponents of margins with and without a linear law."""

    seeds: int = 8
    tokens: int = 1_000_000
    trials: int = 300
    trial_tokens: int = 20_000
    flat: float = 0.02
    below_one: Band = (0.0, 0.95)
    cubic_band: Band = (0.31, 0.36)
    alarm_band: Band = (-0.001, 0.03)


@dataclass(frozen=True)
class Trained:
    """Two-expert mixtures trained on images; temperatures and widths in standard deviations of the margin."""

    sets: tuple[str, ...] = ("digits", "fashion")
    networks: tuple[int, ...] = (32, 32)
    steps: int = 300
    batch_size: int = 256
    hidden: int = 24
    learning_rate: float = 3e-3
    routers: int = 16
    width: float = 0.1
    bandwidth: float = 0.2
    temperatures: tuple[float, ...] = (0.005, 0.02, 0.05, 0.1, 0.2)
    judged: int = 2
    mass_band: Band = (0.9, 1.1)
    soft_band: Band = (0.85, 1.15)
    risk_band: Band = (0.8, 1.2)
    track_band: Band = (-0.001, 0.02)


@dataclass(frozen=True)
class Profile:
    """Size of the study."""

    name: str
    confidence: float = 0.99
    exact_band: Band = (0.0, 1e-10)
    boundary: Boundary = field(default=Boundary())
    risks: Risks = field(default=Risks())
    landscape: Landscape = field(default=Landscape())
    detector: Detector = field(default=Detector())
    trained: Trained = field(default=Trained())


PROFILES = {
    "smoke": Profile(
        "smoke",
        boundary=Boundary(seeds=6, tokens=100_000),
        risks=Risks(seeds=4, tokens=100_000),
        landscape=Landscape(seeds=4, tokens=20_000),
        detector=Detector(seeds=4, tokens=200_000, trials=60, trial_tokens=5_000),
        trained=Trained(sets=("digits",), networks=(4,), steps=100),
    ),
    "quick": Profile("quick"),
    "full": Profile(
        "full",
        boundary=Boundary(seeds=16, tokens=2_000_000),
        risks=Risks(seeds=16, tokens=4_000_000),
        landscape=Landscape(seeds=16, tokens=400_000),
        detector=Detector(seeds=16, tokens=4_000_000, trials=2_000, trial_tokens=50_000),
        trained=Trained(networks=(64, 64), steps=600),
    ),
}
