"""Z8: which dimensionless group orders models by their dead experts, and with what exponents they die."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Finding, Interval, Table, Verdict, judge
from validation.ecology import planted
from validation.ecology.concordance import Exponents, exponents, interval, unknown
from validation.ecology.design import GROUPS
from validation.ecology.outcomes import HEADLINE, Runs
from validation.ecology.profiles import Profile
from validation.intervals import share
from validation.storage import Arrays
from validation.streams import stream

NAMES = {
    "E": "E = T H/(O + B)",
    "competitor": "(H + B)/O",
    "balance": "B/(O T)",
    "rule": "the derived rule, without a fit",
    "gain": "the router's gain at the first checkpoint",
    "early": "dead experts at the first checkpoint",
    "fitted": "the regression on the Sobol models",
}
LOGS = ("T", "H", "O", "B")
PREDICTORS = (*GROUPS, "gain")
"""What is judged by itself: the groups of the weights, and the gain that a router shows early in training."""


def judged(runs: Runs) -> Runs:
    """Return the models that no fit sees: the held-out combinations of digits, the Sobol models of other data."""
    return runs.where(runs.within("held_out" if runs.kind == "digits" else "sobol"))


def fit(profile: Profile, runs: Runs, definition: str) -> Exponents | None:
    """Fit the exponents on the Sobol models and their repetitions."""
    rows = runs.within("sobol", "core")
    return exponents(
        runs.columns["weights"][rows],
        runs.dead(definition)[rows],
        runs.experts,
        runs.columns["config"][rows],
        profile.groups.least_shown,
    )


def log_gain(runs: Runs) -> NDArray[np.float64]:
    """Return log g of every router at the first checkpoint, g = lambda_max(chi) K O/(H + B); NaN where H + B is 0.

    That is feedback times susceptibility over decay: an expert's score gains O for each unit of load that the oracle
    gives it, and near balance entropy and balance terms take back (H + B)/K of it; chi of uniform routing is 1/K.
    """
    _, h, o, b = runs.columns["weights"].T
    with np.errstate(divide="ignore", invalid="ignore"):
        decay = np.where(h + b > 0, (h + b) / runs.experts, np.nan)
        return np.asarray(np.log(runs.found["susceptibility"][:, 0].astype(np.float64) * o / decay))


class Concordances:
    """The concordance of every group with health by every definition, each computed once."""

    def __init__(self, profile: Profile, runs: Runs) -> None:
        self.profile, self.runs, self.apart = profile, runs, judged(runs)
        self.fits = {name: fit(profile, runs, name) for name in HEADLINE} if runs.kind == "digits" else {}
        self.of = cache(self._of)

    def _of(self, group: str, definition: str) -> Interval:
        p, apart = self.profile, self.apart
        score = self._score(group, definition)
        if score is None or not len(apart):
            return unknown(p.confidence, len(apart))
        source = stream("ecology", "bootstrap", f"{self.runs.kind}.{group}.{definition}", 0).numpy()
        return interval(
            score,
            apart.dead(definition),
            apart.columns["config"],
            confidence=p.confidence,
            resamples=p.groups.resamples,
            source=source,
        )

    def _score(self, group: str, definition: str) -> NDArray[np.float64] | None:
        if group in GROUPS:
            return np.asarray(self.apart.columns[group])
        if group == "gain":
            return -log_gain(self.apart)
        if group == "early":
            return -self.apart.dead(definition, 0).astype(np.float64)
        found = self.fits.get(definition)
        return None if found is None else np.log(self.apart.columns["weights"]) @ found.slopes

    @property
    def single(self) -> tuple[str, str, Interval]:
        """The group whose least concordance over the definitions is largest, the definition of that least, and it."""
        least = {group: min(HEADLINE, key=lambda name: _value(self.of(group, name))) for group in GROUPS}
        best = max(least, key=lambda group: _value(self.of(group, least[group])))
        return best, least[best], self.of(best, least[best])


def _value(interval: Interval) -> float:
    return interval.estimate if np.isfinite(interval.estimate) else 0.5


def findings(profile: Profile, every: Sequence[Concordances], plants: Sequence[Arrays]) -> Iterator[Finding]:
    """Judge every group by every definition, the exponents of T and B, and the planted ecologies."""
    g = profile.groups
    effect = "concordance with health (1/2 is chance)"
    for each in every:
        for group in PREDICTORS:
            for name in HEADLINE:
                yield judge(
                    f"governs.{group}.{each.runs.kind}.{name}",
                    f"{NAMES[group]} orders models of {each.runs.kind} by their dead experts ({name}).",
                    effect,
                    each.of(group, name),
                    g.governs_band,
                    remedy=_REMEDY,
                )
        best, worst, found = each.single
        yield judge(
            f"one_group.{each.runs.kind}",
            "One of the four groups governs by every definition of death.",
            "least concordance over the definitions, of the group where it is largest",
            found,
            g.single_band,
            explanation=f"It is {NAMES[best]}, by {worst}.",
            remedy=_REMEDY,
        )
    for name, fitted in every[0].fits.items():
        for which, band in ((0, g.temperature_band), (3, g.balance_band)):
            seen = unknown(profile.confidence, 1) if fitted is None else fitted.direction(which, profile.confidence)
            yield judge(
                f"exponent.{LOGS[which]}.{name}",
                _EXPONENTS[LOGS[which]].format(name),
                f"exponent of {LOGS[which]} over the length of all four",
                seen,
                band,
                remedy=_REMEDY,
            )
    yield from _controls(profile, plants)


_EXPONENTS = {
    "T": "The temperature of training does not matter for death by {}, as the derived rule has it.",
    "B": "The balance weight keeps experts alive by {}, against E.",
}
_REMEDY = "More configurations in which dead experts differ in number."


def _controls(profile: Profile, plants: Sequence[Arrays]) -> Iterator[Finding]:
    """Judge the first planted ecologies: each law is to be known for what it is."""
    first = plants[0]["dead"]
    for w, world in enumerate(planted.WORLDS):
        for name in planted.JUDGED:
            source = stream("ecology", "bootstrap", f"planted.{world}.{name}", 0).numpy()
            found = interval(
                plants[0][name],
                first[w],
                np.arange(first.shape[1]),
                source=source,
                confidence=profile.confidence,
                resamples=profile.groups.resamples,
            )
            expected = Verdict.SUPPORTED if world == name else Verdict.REFUTED
            yield judge(
                f"planted.{world}.{name}",
                f"In a planted ecology that {_RULED[world]} rules, {NAMES[name]} governs.",
                "concordance with health (1/2 is chance)",
                found,
                profile.groups.governs_band,
                expected=expected,
            )


_RULED = {"E": "E", "competitor": "(H + B)/O", "neither": "neither group"}


def concordances(every: Sequence[Concordances], found: Mapping[str, Finding]) -> dict[tuple[str, str, str], Interval]:
    """Return intervals by kind, group and definition: of the groups as judged, of early deaths and of the fit."""
    seen = {}
    for each in every:
        for name in HEADLINE:
            for group in PREDICTORS:
                seen[each.runs.kind, group, name] = found[f"governs.{group}.{each.runs.kind}.{name}"].interval
            for group in ("early", *(["fitted"] if each.fits else [])):
                seen[each.runs.kind, group, name] = each.of(group, name)
    return seen


def tables(
    profile: Profile,
    every: Sequence[Concordances],
    plants: Sequence[Arrays],
    seen: Mapping[tuple[str, str, str], Interval],
) -> tuple[Table, ...]:
    """Tabulate concordances, exponents, and how often the planted ecologies were known for what they are."""
    named = dict.fromkeys((kind, group) for kind, group, _ in seen)
    rows = [(kind, NAMES[group], *(_shown(seen[kind, group, name]) for name in HEADLINE)) for kind, group in named]
    found = [
        Table(
            "groups",
            "What orders models by their dead experts",
            ("models", "by", *HEADLINE),
            tuple(rows),
            "Concordance (1: in perfect order, 1/2: chance) on models that no fit has seen, in brackets the "
            f"{profile.confidence:.0%} bootstrap interval over configurations.",
        )
    ]
    powers = [
        (name, *(_shown(fitted.direction(k, profile.confidence)) for k in range(4)))
        for name, fitted in every[0].fits.items()
        if fitted is not None
    ]
    if powers:
        found.append(
            Table(
                "exponents",
                "Exponents of the four weights, of an expert's life",
                ("death by", *LOGS),
                tuple(powers),
                "Slopes of the log-odds in the logarithms of the weights, over the length of "
                "all four: E would have (.58, .58, −.58, 0) where B is small beside O, and −.58 for B where "
                "it is large; (H + B)/O would have 0 for T. Cluster-robust intervals.",
            )
        )
    return (*found, _errors(plants))


def _shown(found: Interval) -> str:
    if not np.isfinite(found.estimate):
        return "–"
    if not np.isfinite(found.low):
        return f"{found.estimate:.2f}"
    return f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f})"


def _errors(plants: Sequence[Arrays]) -> Table:
    verdicts = np.stack([each["verdict"] for each in plants])
    rows = []
    for w, world in enumerate(planted.WORLDS):
        for j, name in enumerate(planted.JUDGED):
            for s, size in enumerate(("all", "a tenth")):
                counts = [int((verdicts[:, w, j, s] == k).sum()) for k in range(len(planted.VERDICTS))]
                right = planted.VERDICTS.index(Verdict.SUPPORTED if world == name else Verdict.REFUTED)
                wrong = planted.VERDICTS.index(Verdict.REFUTED if world == name else Verdict.SUPPORTED)
                most = share(counts[wrong], len(plants), 0.95, "ecologies").high
                rows.append(
                    (_RULED[world], NAMES[name], size, planted.VERDICTS[right].value, *map(str, counts), f"{most:.0%}")
                )
    columns = ("ruled by", "is judged", "models", "right", *(each.value for each in planted.VERDICTS), "wrong at most")
    return Table(
        "planted",
        "Planted ecologies told apart",
        columns,
        tuple(rows),
        "How often each verdict was given; wrong is the opposite of right, with the upper end of its 95 % "
        "interval. A tenth of the models leaves what is true INCONCLUSIVE.",
    )
