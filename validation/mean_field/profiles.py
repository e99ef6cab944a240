"""Every fixed number of the mean-field study, the accepted bands among them, subject by subject.

Everything is in reduced variables: u the score difference, g the gain, eta the asymmetry, delta = mu eps the step, time
in units of 1/mu.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Band = tuple[float, float]


@dataclass(frozen=True)
class Paths:
    """Paths against the flow from u = start up to the horizon, at steps 2^-k; and the fluctuations they end in."""

    gain: float = 1.5
    asymmetry: float = 0.05
    start: float = 0.3
    horizon: int = 3
    exponents: tuple[int, ...] = tuple(range(8, 14))
    batch_size: int = 1
    batches: tuple[int, ...] = (1, 4, 16, 64, 256, 1024)
    batch_exponent: int = 9
    bias_exponents: tuple[int, ...] = (6, 7, 8, 9)
    sample_exponents: tuple[int, ...] = (5, 10)
    sample_routers: int = 12
    seeds: int = 20
    routers: int = 150
    variance_step: float = 0.01
    variance_steps: int = 20_000
    variance_burn_in: int = 2_000
    variance_routers: int = 100
    few: int = 2
    slope_band: Band = (0.46, 0.54)
    batch_band: Band = (-0.54, -0.46)
    bias_band: Band = (0.9, 1.1)
    bound_band: Band = (0.0, 1.0)
    variance_band: Band = (0.95, 1.05)
    quarter_band: Band = (0.21, 0.29)


@dataclass(frozen=True)
class Attractors:
    """Long-run loads; gains above the pitchfork meet each share of their fold's asymmetry.

    The batch is large, for the limit is that of delta/B -> 0: noise must not blur the points that hug the pitchfork and
    the folds. The step need not be small: a fixed point of the mean step is an equilibrium of the flow, whatever it is.
    """

    gains: tuple[float, ...] = (0.5, 0.9, 1.2, 1.5, 2.5)
    fold_shares: tuple[float, ...] = (0.0, 0.5, 0.99, 1.01, 1.5)
    pitchfork_gains: tuple[float, ...] = (0.99, 1.01)
    subcritical_fold: float = 0.1
    starts: int = 5
    batch_size: int = 65536
    step: float = 0.25
    time: float = 1500.0
    long_run: float = 0.2
    seeds: int = 10
    critical_above: float = 1.1
    distance_band: Band = (0.0, 0.02)
    critical_band: Band = (0.98, 1.02)
    control_band: Band = (1.08, 1.12)


@dataclass(frozen=True)
class Escapes:
    """Escape from a collapsed state at several steps, and from the transfer operator at steps that no run reaches.

    At these steps the exact slope is 1.3 % above the barrier, for the prefactor has a part in proportion to the step:
    the runs have to resolve what that leaves of the band.
    """

    gain: float = 1.5
    steps: tuple[float, ...] = (0.1, 0.07, 0.05, 0.04)
    horizon: float = 1.0
    exact_steps: tuple[float, ...] = (0.0125, 0.01)
    resolution: float = 4.0
    batch_size: int = 1
    seeds: int = 16
    routers: int = 768
    barrier_band: Band = (0.96, 1.04)
    exact_band: Band = (0.99, 1.01)


@dataclass(frozen=True)
class Warnings:
    """Variance and autocorrelation on the way to a fold, at shares of its asymmetry."""

    gain: float = 1.5
    shares: tuple[float, ...] = (0.0, 0.5, 0.8, 0.9)
    step: float = 0.002
    steps: int = 60_000
    burn_in: int = 10_000
    batch_size: int = 16
    seeds: int = 16
    routers: int = 16
    variance_band: Band = (0.93, 1.07)
    relaxation_band: Band = (0.93, 1.07)


@dataclass(frozen=True)
class Ramps:
    """Delay of the jump where the asymmetry is ramped through a fold."""

    gain: float = 1.5
    rates: tuple[float, ...] = (1e-4, 3e-5, 1e-5, 3e-6)
    step: float = 0.1
    batch_size: int = 10**6
    before: float = 0.01
    beyond: float = 4.0
    seeds: int = 20
    exponent_band: Band = (0.63, 0.70)
    constant_band: Band = (0.9, 1.1)


@dataclass(frozen=True)
class Collapse:
    """Many experts, from balance on a grid of gains that ends beyond 1, and from collapse on one around the fold."""

    experts: tuple[int, ...] = (2, 3, 4, 8, 16, 64)
    step: float = 0.02
    batch_size: int = 64
    time: float = 120.0
    long_run: float = 0.25
    points: int = 25
    margin: float = 0.12
    seeds: int = 24  # some 600 collapsed routers for each number of experts; 528 without an exception make 0.99
    collapsed_share: float = 0.3
    favoured_share: float = 0.5
    release_band: Band = (0.97, 1.03)  # and one spacing of the grid of gains, which releases are read off, above
    hysteresis_band: Band = (0.5, 1.2)
    one_band: Band = (0.99, 1.0)
    continuous_band: Band = (-0.05, 0.05)
    control_band: Band = (0.95, 1.05)


@dataclass(frozen=True)
class Profile:
    """Size of the study."""

    name: str
    confidence: float = 0.99
    paths: Paths = field(default=Paths())
    attractors: Attractors = field(default=Attractors())
    escapes: Escapes = field(default=Escapes())
    warnings: Warnings = field(default=Warnings())
    ramps: Ramps = field(default=Ramps())
    collapse: Collapse = field(default=Collapse())


PROFILES = {
    "smoke": Profile(
        "smoke",
        paths=Paths(exponents=(6, 8, 10), batches=(1, 16), bias_exponents=(6, 7), seeds=8, routers=100),
        attractors=Attractors(gains=(1.2,), fold_shares=(0.0, 0.5), pitchfork_gains=(), time=200.0, seeds=8),
        escapes=Escapes(steps=(0.1, 0.06, 0.05), seeds=8, routers=200),
        warnings=Warnings(shares=(0.0, 0.5), seeds=8),
        ramps=Ramps(rates=(1e-4, 3e-5), seeds=8),
        collapse=Collapse(experts=(2, 8), points=9, time=40.0, seeds=3),
    ),
    "quick": Profile("quick"),
    "full": Profile(
        "full",
        paths=Paths(exponents=tuple(range(4, 15)), routers=1000),
        attractors=Attractors(seeds=20),
        escapes=Escapes(steps=(0.1, 0.07, 0.05, 0.04, 0.035, 0.03), routers=1024),
        collapse=Collapse(batch_size=1024, time=300.0, points=49, margin=0.08),
    ),
}
