"""The findings: one effect a claim, against the band of the profile; and planted ecologies, to be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from moecusp.report import Finding
from validation.ecology import complexity, guarantee, orthogonality, overfitting, revival, rule, temperature, tiering
from validation.ecology import groups as governing
from validation.ecology.design import ORTHO
from validation.ecology.outcomes import Runs, runs
from validation.ecology.profiles import Profile
from validation.ecology.setup import KINDS
from validation.storage import Arrays
from validation.studies import Measured, Plan, cases

WHOLE = ("digits", "few", "fashion", "text")
"""Kinds of models over the whole design."""


@dataclass(frozen=True)
class Everything:
    """All models by kind, and the planted ecologies."""

    kinds: dict[str, Runs]
    plants: Sequence[Arrays]

    @classmethod
    def of(cls, profile: Profile, plan: Plan, measured: Measured) -> Everything:
        """Gather what was measured."""
        found = {kind: runs(profile, plan, measured, kind) for kind in KINDS}
        return cls({kind: each for kind, each in found.items() if each is not None}, cases(measured, "planted"))

    def some(self, *kinds: str) -> list[Runs]:
        """Return those of some kinds that were run."""
        return [self.kinds[kind] for kind in kinds if kind in self.kinds]

    @property
    def tiers(self) -> list[Runs]:
        """Return the models of tiers."""
        return [each for kind, each in self.kinds.items() if kind.startswith("tiers")]


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured."""
    return tuple(_findings(profile, Everything.of(profile, plan, measured)))


def _findings(profile: Profile, every: Everything) -> Iterator[Finding]:
    whole, digits = every.some(*WHOLE), every.kinds["digits"]
    yield from guarantee.findings(profile, whole)
    yield from governing.findings(profile, [governing.Concordances(profile, each) for each in whole], every.plants)
    yield from rule.findings(profile, every.some(*rule.KINDS))
    yield from temperature.findings(profile, digits, list(every.kinds.values()))
    yield from overfitting.findings(profile, digits)
    yield from revival.findings(profile, every.some(*revival.KINDS))
    yield from tiering.findings(profile, every.tiers)
    yield from orthogonality.findings(profile, every.some(*ORTHO))
    yield from complexity.findings(profile, every.kinds)
