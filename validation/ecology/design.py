"""The settings that are trained, all of them chosen before anything runs, with what is predicted of each.

A row is a model: its kind (what is trained, `setup.KINDS`), its stratum (why), the configuration it repeats, the four
weights, and the seed of its start and batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import moecusp as mc
from validation.ecology.profiles import Design, Profile
from validation.ecology.setup import DIFFICULTY, KINDS, classes, experts, kinds
from validation.storage import Arrays
from validation.streams import stream

Array = NDArray[np.float64]

STRATA = (
    "sobol",
    "held_out",
    "core",
    "expected_dead",
    "expected_alive",
    "line",
    "rule",
    "long",
    "undefined",
    "temperature",
    "revival",
    "tiers",
    "ortho",
    "complexity",
    "near",
)
"""Why a setting is there: the design, what no fit sees, repetitions, where E and the derived rule disagree, ..."""
ORTHO = ("digits", "narrow", "fashion", "text")
"""Kinds that are trained with the weight of orthogonality off and on."""
GROUPS = ("E", "competitor", "balance", "rule")
"""Candidates for what governs: E = T H/(O + B), (H + B)/O, B/(O T), and the derived rule's log r."""
_SPACING = 10_000_000  # seeds of models of one run


class Rows:
    """Rows as they are added; configurations and seeds are numbered through."""

    def __init__(self, seed: int) -> None:
        self.columns: dict[str, list[Any]] = {
            name: [] for name in ("kind", "stratum", "config", "seed", "weights", "combination", "ortho")
        }
        self._next, self._configs = seed * _SPACING, 0

    def add(
        self, kind: str, stratum: str, weights: Array, seeds: int = 1, configs: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Add settings (n, 4), each with so many fresh seeds; return their configurations, new ones unless given."""
        if configs is None:
            configs = self.new(len(weights))
        for row, config in zip(weights, configs, strict=True):
            for seed in self.fresh(seeds):
                self.row(kind, stratum, row, int(config), int(seed))
        return configs

    def together(self, kind: str, stratum: str, weights: Array, seed: int, config: int, combination: int = 0) -> None:
        """Add settings (n, 4) that are one configuration: one start, and the same batches."""
        for row in weights:
            self.row(kind, stratum, row, config, seed, combination)

    def row(
        self, kind: str, stratum: str, weights: Array, config: int, seed: int, combination: int = 0, ortho: float = 0.0
    ) -> None:
        """Add a model."""
        values = (tuple(KINDS).index(kind), STRATA.index(stratum), config, seed, weights, combination, ortho)
        for column, value in zip(self.columns.values(), values, strict=True):
            column.append(value)

    def fresh(self, count: int) -> NDArray[np.int64]:
        """Return seeds that no other model has."""
        found = np.arange(self._next, self._next + count)
        self._next += count
        return found

    def new(self, count: int) -> NDArray[np.int64]:
        """Return configurations that no other model has."""
        found = np.arange(self._configs, self._configs + count)
        self._configs += count
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the columns."""
        return {f"design.{name}": np.array(values) for name, values in self.columns.items()}


def design(profile: Profile, seed: int) -> Arrays:
    """Return all rows and what is predicted of them."""
    d, rows = profile.design, Rows(seed)
    box = np.log([d.temperature, d.entropy, d.oracle, d.balance])

    def sobol(name: str, count: int, dimensions: int = 4) -> Array:
        """Return scrambled Sobol points in (0, 1); count is rounded up to a power of two and the first are taken."""
        from scipy.stats import qmc

        source = stream("ecology", "design", name, seed).numpy()
        points = qmc.Sobol(dimensions, rng=source).random(1 << max(count - 1, 0).bit_length())
        return np.asarray(points[:count], dtype=np.float64)

    def spread(name: str, count: int) -> Array:
        """Return settings, log-uniform in the ranges."""
        return np.asarray(np.exp(box[:, 0] + sobol(name, count) * (box[:, 1] - box[:, 0])))

    def chosen(name: str, count: int, make: Callable[[Array], Array]) -> Array:
        """Return the first settings of 64 times as many, made of Sobol points, that lie in the ranges; NaN is none."""
        made = make(sobol(name, 64 * max(count, 1)))
        with np.errstate(invalid="ignore"):
            inside = ((np.log(made) >= box[:, 0] - 1e-12) & (np.log(made) <= box[:, 1] + 1e-12)).all(-1)
        found = made[inside][:count]
        if len(found) < count:
            raise ValueError(f"stratum {name}: {len(found)} of {count} settings lie in the ranges")
        return found

    def dead(points: Array) -> Array:
        return expected_dead(d, np.exp(box[:, 0] + points * (box[:, 1] - box[:, 0])), points)

    def alive(points: Array) -> Array:
        return expected_alive(d, np.exp(box[:, 0] + points * (box[:, 1] - box[:, 0])))

    for kind, (count, each) in {
        "digits": (d.sobol, d.adversarial),
        "few": d.few,
        "fashion": d.fashion,
        "text": d.text,
    }.items():
        settings = spread(f"{kind}.sobol", count)
        configs = rows.add(kind, "sobol", settings)
        if kind == "digits":
            rows.add(kind, "core", settings[: d.core], d.seeds - 1, configs[: d.core])
        if each:
            rows.add(kind, "expected_dead", chosen(f"{kind}.dead", each, dead), d.seeds)
            rows.add(kind, "expected_alive", chosen(f"{kind}.alive", each, alive), d.seeds)
    rows.add("digits", "held_out", spread("held_out", d.held_out))
    ranged = spread("lines", 1 << 12)
    for e in d.lines:
        rows.add("digits", "line", on_line(ranged, e, d)[: d.line])
    if d.rule:
        rows.add("digits", "rule", chosen("rule", d.rule, lambda points: in_window(profile, points, box)))
    if d.long:
        rows.add("long", "long", spread("long", d.long))
        rows.add("long", "rule", chosen("long.rule", d.long, lambda points: in_window(profile, points, box)))
    nothing = spread("undefined", d.undefined) * np.array([1.0, 1.0, 0.0, 0.0])
    rows.add("digits", "undefined", nothing)
    _paired(profile, rows, spread)
    for kind in ORTHO:
        many = profile.ortho.settings
        near = chosen(f"{kind}.near", many // 2, lambda points: in_window(profile, points, box))
        bases = np.concatenate([spread(f"{kind}.ortho", many - many // 2), near])
        for base, config, start in zip(bases, rows.new(many), rows.fresh(many), strict=True):
            for weight in profile.ortho.weights:
                rows.row(kind, "ortho", base, int(config), int(start), ortho=weight)
    for kind in kinds(profile):
        if kind.startswith("tiers"):
            rows.add(kind, "tiers", spread(kind, profile.tiers.settings))
    c = profile.complexity
    alike = spread("complexity", c.settings)
    alike[:, 0] = c.temperature
    between = chosen("near", c.near, lambda points: in_both_windows(profile, points, box))
    for stratum, bases, others in (("complexity", alike, c.others), ("near", between, 0)):
        named = zip(bases, rows.new(len(bases)), rows.fresh(len(bases)), strict=True)
        for place, (base, config, start) in enumerate(named):
            for number in c.classes if place < others else extremes(profile):
                for difficulty in DIFFICULTY:
                    rows.row(f"{difficulty}-{number}", stratum, base, int(config), int(start))
    found = rows.arrays()
    return {**found, **predicted(profile, found["design.kind"], found["design.weights"])}


def _paired(profile: Profile, rows: Rows, spread: Callable[[str, int], Array]) -> None:
    """Add what is compared within one start and its batches: temperatures, and weights where experts start dead."""
    t, r = profile.temperature, profile.revival
    bases, configs = spread("temperature", t.settings), rows.new(t.settings)
    for base, config, seed in zip(bases, configs, rows.fresh(t.settings), strict=True):
        cooled = np.repeat(base[None], len(t.temperatures), 0)
        cooled[:, 0] = t.temperatures
        rows.together("digits", "temperature", cooled, int(seed), int(config))
    seeds, starts = rows.fresh(r.seeds), rows.new(r.seeds)
    for kind in ("dead-bias", "dead-weights"):
        for number in range(8):
            on = np.array([1, number >> 2 & 1, number >> 1 & 1, number & 1])
            weights = on * np.array([r.temperature, r.entropy, r.oracle, r.balance])
            for seed, config in zip(seeds, starts, strict=True):
                rows.together(kind, "revival", weights[None], int(seed), int(config), number)


def expected_dead(d: Design, settings: Array, points: Array) -> Array:
    """Return settings with E within `e_high`, H following from it, and (H + B)/O below `low_ratio`; NaN for others."""
    (low, high), hottest = d.e_high, d.temperature[1]
    t = hottest * 2.0 ** -points[:, 0]
    o, b = settings[:, 2], settings[:, 3]
    h = (low + (high - low) * points[:, 1]) * (o + b) / t
    found = np.stack([t, h, o, b], 1)
    return np.where(((h + b) / o < d.low_ratio)[:, None], found, np.nan)


def expected_alive(d: Design, settings: Array) -> Array:
    """Return settings with E below `e_low` and (H + B)/O above `high_ratio`; NaN for others."""
    t, h, o, b = settings.T
    return np.where(((t * h / (o + b) < d.e_low) & ((h + b) / o > d.high_ratio))[:, None], settings, np.nan)


def on_line(settings: Array, e: float, d: Design) -> Array:
    """Return the settings whose temperature can be changed within its range so that E is e, so changed."""
    found = settings.copy()
    found[:, 0] = e * (settings[:, 2] + settings[:, 3]) / settings[:, 1]
    low, high = d.temperature
    return np.asarray(found[(found[:, 0] >= low) & (found[:, 0] <= high)])


def in_window(profile: Profile, points: Array, box: Array) -> Array:
    """Return settings whose H puts the predicted r, log-uniform, within the window of the rule."""
    found = np.exp(box[:, 0] + points * (box[:, 1] - box[:, 0]))
    low, high = np.log(profile.rule.window)
    log_r = low + (high - low) * points[:, 1]
    o, b = found[:, 2], found[:, 3]
    k = experts(profile, "digits")
    ratio = mc.critical_ratio(np.exp(log_r), b / o, k, classes("digits", k), profile.training.k)
    h = np.asarray(ratio * o - b)
    found[:, 1] = np.where(h > 0, h, np.nan)
    return found


def extremes(profile: Profile) -> tuple[int, int]:
    """Return the fewest generated classes, and the most that are fewer than the experts."""
    fewer = [number for number in profile.complexity.classes if number < experts(profile, "digits")]
    return fewer[0], fewer[-1]


def in_both_windows(profile: Profile, points: Array, box: Array) -> Array:
    """Return settings that the rule has within its window for both extremes of the classes, and apart there.

    With s = H + B it says log r = -O/s - (log C - D) B/s, which is solved for O/s and B/s.
    """
    k, choices, c = experts(profile, "digits"), profile.training.k, profile.complexity
    few, many = (-mc.log_dead_expert_probability(0.0, 0.0, 1.0, k, n, choices) for n in extremes(profile))
    low, high = np.log(profile.rule.window)
    change = c.apart + points[:, 1] * (high - low - c.apart)
    upper = low + change + points[:, 2] * (high - low - change)
    balance = change / (many - few)
    o = np.exp(box[2, 0] + points[:, 3] * (box[2, 1] - box[2, 0]))
    s = o / (-upper - few * balance)
    t = np.exp(box[0, 0] + points[:, 0] * (box[0, 1] - box[0, 0]))
    found = np.column_stack([t, (1.0 - balance) * s, o, balance * s])
    return np.where((found > 0).all(-1, keepdims=True), found, np.nan)


def log_minimum(h: Array, o: Array, b: Array, experts: int, classes: int, choices: int) -> Array:
    """Return log r at the only minimum of the loss over free probabilities, or the most it can be solved for.

    By bisection of `moecusp.critical_oracle_weight`, which falls in r. It has a value where second choices go to the
    experts without a class: up to r = 1/(C exp(-D) + K - C), and for D >= 0 up to 1/K, where no expert is below others.
    """
    gap = experts / choices * (1.0 / classes - (choices - 1) / (experts - classes))
    most = -math.log(classes * math.exp(max(-gap, 0.0)) + experts - classes)
    low, high = np.full(h.shape, -600.0), np.full(h.shape, most)
    for _ in range(60):
        middle = 0.5 * (low + high)
        dead = o > mc.critical_oracle_weight(np.exp(middle), h, b, experts, classes, choices)
        low, high = np.where(dead, low, middle), np.where(dead, middle, high)
    return high


def predicted(profile: Profile, kind: NDArray[np.int64], weights: Array) -> dict[str, Array]:
    """Return every candidate group of every row, large where it expects health; NaN where it is not defined."""
    t, h, o, b = weights.T
    defined, opposed = (o + b) > 0, o > 0
    found = {name: np.full(len(weights), np.nan) for name in (*GROUPS, "minimum")}
    found["E"][defined] = mc.ecology_parameter(*(each[defined] for each in (t, h, o, b)))
    found["competitor"][opposed] = mc.mean_field_competitor(h[opposed], o[opposed], b[opposed])
    found["balance"][opposed] = b[opposed] / (o[opposed] * t[opposed])
    for number, name in enumerate(KINDS):
        rows = kind == number
        if rows.any():
            k = experts(profile, name)
            counted = (k, classes(name, k), profile.training.k)  # the balance term counts every slot
            rows &= (h + b) > 0
            found["rule"][rows] = mc.log_dead_expert_probability(h[rows], o[rows], b[rows], *counted)
            found["minimum"][rows] = log_minimum(h[rows], o[rows], b[rows], *counted)
    return {f"group.{name}": values for name, values in found.items()}
