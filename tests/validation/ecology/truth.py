"""Planted data of the ecology study: dead experts by a law of the weights, nothing trained."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from validation.ecology import planted as worlds
from validation.ecology import profiles as p
from validation.ecology.design import STRATA
from validation.ecology.setup import KINDS, generated, kinds, labels, tiers
from validation.streams import stream

PROFILE = p.Profile(
    "smoke",
    confidence=0.98,
    training=p.Training(checkpoints=2, chunk=500, steps=50),
    design=p.Design(sobol=128, held_out=128, core=4, adversarial=6, line=24, rule=32, undefined=3, few=(48, 2),
                    fashion=(32, 1), text=(48, 1), long=32),
    guarantee=p.Guarantee(needed=120, share_band=(0.0, 0.06)),
    groups=p.Groups(resamples=150, temperature_band=(-0.3, 0.3)),
    overfitting=p.Overfitting(resamples=100, band=(-0.2, 0.2)),
    temperature=p.Temperature(settings=12),
    revival=p.Revival(seeds=12, checkpoints=3, can_band=(0.4, 1.0), without_band=(0.0, 0.4)),
    tiers=p.TierRuns(layouts=((8, 4, 4), (4, 4, 4, 4)), settings=48, permutations=60, resamples=400),
    ortho=p.Ortho(weights=(0.0, 0.1, 0.2), settings=48, resamples=400, harm_band=(0.05, 1.0), sets_band=(0.08, 1.0)),
    complexity=p.Complexity(settings=512, others=192, near=24, steps=40, resamples=200, planted=1024),
    planted=p.Planted(models=128, repeats=2),
)  # fmt: skip
SMALL = replace(
    PROFILE,
    design=p.Design(sobol=8, held_out=8, core=1, adversarial=0, line=1, rule=2, undefined=1, few=(4, 0), fashion=(4, 0),
                    text=(4, 0)),
    temperature=p.Temperature(settings=2),
    revival=p.Revival(seeds=2, checkpoints=3),
    ortho=p.Ortho(settings=2),
    tiers=p.TierRuns(layouts=((8, 4, 4),), settings=2, permutations=20, resamples=150),
    complexity=p.Complexity(settings=4, others=3, near=2, steps=40, resamples=200, planted=1024),
)  # fmt: skip
"""Too little to tell anything."""


def planted(plan, profile=PROFILE, **wrong):
    """Return what the runs would measure; see `Truth`."""
    truth, rng = Truth(**wrong), np.random.default_rng(5)
    dead = deaths(plan, truth, rng)
    found = {}
    for name in kinds(profile):
        rows = np.flatnonzero(plan["design.kind"] == list(KINDS).index(name))
        if rows.size and name != "fashion":
            found[f"{name}/0"] = models(plan, profile, truth, name, rows, dead[rows], rng)
    for number in range(profile.planted.repeats):
        found[f"planted/{number}"] = worlds.measure(profile, stream("ecology", "planted", number, 0), lambda _: None)
    return found


@dataclass(frozen=True)
class Truth:
    """What is true of the planted models.

    law: the group that dead experts follow, whatever the definition, or "none"; where it is E none is dead from .5 on.
    ratio, slope: of measured in predicted log r. hot: dead experts more at the highest of the paired temperatures.
    moved: tokens that another temperature at evaluation moves. gap: correlation of the accuracy gap with dead experts.
    back: the weights any of which brings experts back. tilt: extra use of each tier. harm: experts that orthogonality
    kills, by kind. beats: whether models beat their baseline. one_seed: whether only the first seed of a configuration
    has dead experts. classes: the factor by which the critical E of the fewest generated classes is below that of
    the others, where E rules by every definition. answers: whether the gain of a router follows its dead experts.
    """

    law: str = "competitor"
    ratio: float = 1.0
    slope: float = 1.0
    hot: int = 0
    moved: float = 0.0
    gap: float = 0.0
    back: str = "B"
    tilt: tuple[float, ...] = (0.0,)
    harm: dict[str, int] = field(default_factory=dict)
    beats: bool = True
    one_seed: bool = False
    classes: float = 1.0
    answers: bool = False


def deaths(plan, truth, rng):
    """Return the dead experts of every row."""
    stratum, n = plan["design.stratum"], len(plan["design.kind"])
    if truth.law == "none":
        dead = rng.integers(0, 7, n)
    else:
        group = plan[f"group.{truth.law}"]
        score = group if truth.law == "rule" else np.log(np.maximum(group, 1e-300))
        usual = np.isin(stratum, [STRATA.index(name) for name in ("sobol", "held_out")])
        centre = np.log(0.5) if truth.law == "E" else score[usual].mean()
        step = np.nan_to_num((centre - score) / score[usual].std(), posinf=0.0, neginf=0.0)
        dead = np.clip(np.ceil(3 * step) if truth.law == "E" else np.round(4 + 2 * step), 0, 7).astype(np.int64)
    pairs = stratum == STRATA.index("temperature")
    if pairs.any():
        settings = pairs.sum() // 3
        dead[pairs] = np.repeat(rng.integers(2, 4, settings), 3) + np.tile([0, 0, truth.hot], settings)
        dead[pairs] += rng.integers(0, 2, pairs.sum())
    names = np.array(list(KINDS))[plan["design.kind"]]
    paired = stratum == STRATA.index("ortho")
    dead[paired] = 1 + (rng.integers(0, 8, paired.sum()) == 0)
    for kind, extra in truth.harm.items():
        dead[paired & (plan["design.ortho"] == 0.2) & (names == kind)] += extra
    if truth.one_seed:
        again = np.ones(n, dtype=bool)
        again[np.unique(plan["design.config"], return_index=True)[1]] = False
        dead[again] = 0
    return dead


def models(plan, profile, truth, name, rows, dead, rng):
    """Return what training would return of the models of a kind."""
    made = tiers(profile, name)
    k, marks, n = made.experts, 3 if name.startswith("dead") else 2, len(rows)
    is_dead = np.arange(k) < np.minimum(dead, k - 1)[:, None]
    use = np.where(is_dead, 0.002, 1.0 + 0.01 * rng.random((n, k)))
    if name.startswith("tiers"):
        use = rng.permuted(use, axis=-1) + np.resize([*truth.tilt, 0.0, 0.0, 0.0], 4)[list(made.of_expert)]
    elif name.startswith("dead"):
        on = plan["design.weights"][rows][:, ["THOB".index(each) for each in truth.back]] > 0
        use = np.ones((n, k))
        use[:, list(profile.revival.experts)] = np.where(on.any(-1), 1.0, 0.001)[:, None]
    share = use / use.sum(-1, keepdims=True)
    probability = share
    susceptibility = np.full(n, 1.0 / k)
    if name == "digits" and truth.answers:
        _, h, o, b = plan["design.weights"][rows].T
        susceptibility = np.exp(1.0 * dead) * (h + b) / np.maximum(o, 1e-9)
    if generated(name):
        return generated_models(plan, profile, truth, name, rows, rng)
    if name in ("digits", "long"):
        centre = np.log(profile.rule.window).mean()
        log_r = centre + truth.slope * (np.nan_to_num(plan["group.rule"][rows]) - centre)
        log_r = truth.ratio * log_r + 0.02 * rng.normal(size=n)
        probability = np.full((n, k), 0.1)
        probability[:, :6] = np.exp(np.clip(log_r, -60.0, np.log(1.0 / k)))[:, None]
    at = {"first": share, "slots": share, "probability": probability, "streak": np.where(is_dead, 300.0, 0.0)}
    health = (dead - dead.mean()) / max(dead.std(), 1e-9)
    mixed = truth.gap * health + np.sqrt(1 - truth.gap**2) * rng.normal(size=n)
    accuracy = np.full((n, marks), 0.9)
    return {
        **{key: np.repeat(value[:, None, None], marks, 1) for key, value in at.items()},
        "right": np.full((n, marks, 1, k), 0.6), "accuracy": accuracy, "test_loss": np.full((n, marks), 1.0),
        "train_accuracy": accuracy + 0.01 * mixed[:, None], "moved": np.full((n, marks), truth.moved),
        "susceptibility": np.repeat(susceptibility[:, None], marks, 1),
        "beats": np.full(n, truth.beats),
    }  # fmt: skip


def generated_models(plan, profile, truth, name, rows, rng):
    """Return models of generated classes: dead experts by E, from a critical one on; log r as the rule has it."""
    k, n, idle = 16, len(rows), max(16 - labels(name), 1)
    log_e, near = np.log(plan["group.E"][rows]), plan["design.stratum"][rows] == STRATA.index("near")
    at = np.log(0.3) + (np.log(truth.classes) if labels(name) > profile.complexity.classes[0] else 0.0)
    dead = (rng.random(n) < 1.0 / (1.0 + np.exp(1.5 * (log_e - at)))).astype(np.int64) * 4
    is_dead = np.arange(k) < dead[:, None]
    share = np.where(is_dead, 0.002, 0.07)
    centre = np.log(profile.rule.window).mean()
    log_r = centre + truth.slope * (plan["group.rule"][rows] - centre) + 0.02 * rng.normal(size=n)
    probability = share.copy()
    probability[near] = 0.2
    probability[near, :idle] = np.exp(np.clip(log_r[near], -60.0, -1.7))[:, None]
    at = {"first": share, "slots": share, "probability": probability, "streak": np.where(is_dead, 300.0, 0.0)}
    accuracy = np.full((n, 2), 0.5)
    return {
        **{key: np.repeat(value[:, None, None], 2, 1) for key, value in at.items()},
        "right": np.full((n, 2, 1, k), 0.6), "accuracy": accuracy, "test_loss": accuracy, "train_accuracy": accuracy,
        "moved": np.full((n, 2), truth.moved), "susceptibility": np.full((n, 2), 1.0 / k),
        "beats": np.full(n, truth.beats),
    }  # fmt: skip
