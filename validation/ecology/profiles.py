"""Every fixed number of the ecology study, the accepted bands among them, subject by subject."""

from __future__ import annotations

from dataclasses import dataclass, field

Band = tuple[float, float]


@dataclass(frozen=True)
class Training:
    """How every model is made and trained; `long_steps` are those of the control stratum."""

    steps: int = 300
    long_steps: int = 2000
    text_steps: int = 200
    batch: int = 32
    windows: int = 4
    context: int = 32
    test_bytes: int = 2048
    test_images: int = 1000
    rate: float = 1e-2
    encoder_rate: float = 3e-3
    decay: float = 0.01
    checkpoints: int = 5
    features: int = 32
    router: int = 32
    width: int = 16
    k: int = 2
    chunk: int = 32


@dataclass(frozen=True)
class Design:
    """Settings of the four weights: how many of each stratum; the ranges of the design, log-uniform.

    `few` and `text` take the same strata at other sizes, (Sobol, each adversarial one).
    """

    temperature: Band = (0.1, 5.0)
    entropy: Band = (0.003, 3.0)
    oracle: Band = (0.01, 3.0)
    balance: Band = (0.003, 3.0)
    sobol: int = 512
    held_out: int = 256
    core: int = 16
    seeds: int = 6
    adversarial: int = 16
    e_high: Band = (0.5, 0.7)
    low_ratio: float = 0.2
    e_low: float = 0.4
    high_ratio: float = 0.4
    lines: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    line: int = 16
    rule: int = 64
    long: int = 0
    undefined: int = 4
    few: tuple[int, int] = (128, 6)
    fashion: tuple[int, int] = (128, 6)
    text: tuple[int, int] = (64, 4)


@dataclass(frozen=True)
class Guarantee:
    """Z1. A violation counts as reproduced from 3 of 5 fresh seeds on: there Clopper-Pearson at 99 % excludes .05."""

    threshold: float = 0.5
    sensitivity: tuple[float, ...] = (0.4, 0.45, 0.5, 0.545, 0.6, 1.0, 2.0)
    needed: int = 299
    confidence: float = 0.9
    share_band: Band = (0.0, 0.01)
    fresh_band: Band = (0.0, 0.05)


@dataclass(frozen=True)
class Groups:
    """Z8. What orders models by their dead experts."""

    resamples: int = 1000
    least_shown: int = 10
    governs_band: Band = (0.9, 1.0)
    single_band: Band = (0.9, 1.0)
    temperature_band: Band = (-0.15, 0.15)
    balance_band: Band = (0.05, 1.0)


@dataclass(frozen=True)
class Rule:
    """Z9. Shares r within the window are predicted to be those of experts that are nobody's target."""

    window: Band = (0.001, 0.03)
    thresholds: tuple[float, ...] = (0.001, 0.005, 0.01, 0.02)
    ratio_band: Band = (0.8, 1.25)
    slope_band: Band = (0.8, 1.2)
    agreement_band: Band = (0.9, 1.0)


@dataclass(frozen=True)
class Temperature:
    """Z7. The same weights, start and batches at several temperatures; the accepted difference in experts of 16."""

    temperatures: tuple[float, ...] = (0.1, 0.7, 5.0)
    settings: int = 64
    factor: float = 50.0
    difference_band: Band = (-1.0, 1.0)
    moved_band: Band = (-0.5, 0.5)


@dataclass(frozen=True)
class Overfitting:
    """Z5. Rank correlation of the gap between training and test with dead experts; two tests at 5 %."""

    confidence: float = 0.9
    resamples: int = 1000
    band: Band = (-0.1, 0.1)


@dataclass(frozen=True)
class Revival:
    """Z2. Experts that start dead, with each of three weights on and off.

    Adam moves a bias or weight by at most its rate a step: sizes are a share of what that makes over all steps.
    """

    temperature: float = 1.0
    entropy: float = 0.1
    oracle: float = 0.3
    balance: float = 0.3
    experts: tuple[int, ...] = (0, 5, 9, 13)
    bias: float = 2.0
    weights: float = 1.0
    seeds: int = 16
    checkpoints: int = 12
    low: float = 0.01
    high: float = 0.02
    can_band: Band = (0.1, 1.0)
    effect_band: Band = (0.1, 1.0)
    without_band: Band = (0.0, 0.1)


@dataclass(frozen=True)
class TierRuns:
    """Z6. Tiers of experts, of equal and of unequal widths; a difference beyond that of permuted labels."""

    layouts: tuple[tuple[int, ...], ...] = ((8, 4, 4), (4, 4, 4, 4), (16, 8, 8))
    equal: int = 16
    unequal: tuple[int, ...] = (8, 16, 32, 64)
    settings: int = 64
    permutations: int = 400
    resamples: int = 1000
    band: Band = (0.05, 10.0)
    two_band: Band = (0.0, 0.1)


@dataclass(frozen=True)
class Ortho:
    """Z3. The same settings, start and batches without and with orthogonality; half near the rule's threshold."""

    weights: tuple[float, ...] = (0.0, 0.2)
    settings: int = 32
    resamples: int = 1000
    harm_band: Band = (0.02, 1.0)
    sets_band: Band = (0.05, 1.0)


@dataclass(frozen=True)
class Complexity:
    """Z4. The same settings on tasks of so many classes: of one separation, or as hard as one another.

    The rule expects the largest move from the fewest classes to the most that are fewer than experts: these two get
    `settings` Sobol points, the other numbers the first `others`. All are at one temperature, so that E orders models
    as well as it can. `near` ones are chosen by the rule so that it puts r into its window for both, and `apart` or
    more between them in log r; their temperatures differ.
    """

    classes: tuple[int, ...] = (2, 12, 200)
    steps: int = 300
    batch: int = 64
    checkpoints: int = 2
    temperature: float = 1.0
    settings: int = 128
    others: int = 32
    near: int = 32
    apart: float = 1.0
    resamples: int = 1000
    planted: int = 2048
    factor: float = 4.0
    critical_band: Band = (0.693, 20.0)
    dead_band: Band = (0.02, 1.0)
    rule_band: Band = (0.8, 1.25)


@dataclass(frozen=True)
class Planted:
    """Ecologies without training, of known laws: dead experts of 16 by a logistic law of slope `slope`."""

    models: int = 256
    repeats: int = 20
    slope: float = 3.0


@dataclass(frozen=True)
class Profile:
    """Size of the study."""

    name: str
    confidence: float = 0.99
    training: Training = field(default=Training())
    design: Design = field(default=Design())
    guarantee: Guarantee = field(default=Guarantee())
    groups: Groups = field(default=Groups())
    rule: Rule = field(default=Rule())
    temperature: Temperature = field(default=Temperature())
    overfitting: Overfitting = field(default=Overfitting())
    revival: Revival = field(default=Revival())
    tiers: TierRuns = field(default=TierRuns())
    ortho: Ortho = field(default=Ortho())
    complexity: Complexity = field(default=Complexity())
    planted: Planted = field(default=Planted())


PROFILES = {
    "smoke": Profile(
        "smoke",
        training=Training(steps=60, text_steps=20, checkpoints=2, chunk=64),
        design=Design(
            sobol=16,
            held_out=16,
            core=2,
            adversarial=2,
            line=2,
            rule=8,
            undefined=2,
            few=(8, 1),
            fashion=(8, 1),
            text=(8, 0),
        ),
        temperature=Temperature(settings=4),
        revival=Revival(seeds=3, checkpoints=3),
        tiers=TierRuns(layouts=((8, 4, 4),), settings=4, permutations=50),
        ortho=Ortho(settings=2),
        complexity=Complexity(classes=(2, 12), steps=60, settings=4, others=2, near=4),
        planted=Planted(repeats=1),
    ),
    "quick": Profile("quick"),
    "full": Profile(
        "full",
        design=Design(
            sobol=8192,
            held_out=1024,
            core=32,
            adversarial=32,
            line=32,
            rule=256,
            long=128,
            undefined=8,
            few=(1024, 16),
            fashion=(512, 16),
            text=(1024, 16),
        ),
        temperature=Temperature(settings=256),
        revival=Revival(seeds=64),
        tiers=TierRuns(settings=256),
        ortho=Ortho(weights=(0.0, 0.05, 0.2), settings=192),
        complexity=Complexity(classes=(2, 4, 8, 12, 50, 200), settings=1024, others=128, near=128),
        planted=Planted(repeats=100),
    ),
}
