"""The design, and what is predicted of every model in it, before anything runs."""

from __future__ import annotations

from validation.ecology.design import design
from validation.ecology.profiles import Profile
from validation.storage import Arrays


def predict(profile: Profile, seed: int) -> Arrays:
    """Return the rows that are trained and what the groups expect of each.

    design.kind, design.stratum, design.config, design.seed, design.combination, design.weights, design.ortho
        Numbers in `setup.KINDS` and `design.STRATA`, configuration, seed of start and batches, combination of weights
        (revivals), T, H, O, B, and the weight of orthogonality.
    group.E, group.competitor, group.balance, group.rule
        T H/(O + B), (H + B)/O, B/(O T) and the derived rule's log r: each large where it expects no dead expert.
    group.minimum
        log r at the minimum of the loss over free probabilities, which the rule approximates.
    """
    return design(profile, seed)
